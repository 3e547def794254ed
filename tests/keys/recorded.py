"""Recorded traffic of stock gateways; see data/README.md."""

import json
from pathlib import Path

RECORDED = json.loads((Path(__file__).parent / "data" / "recorded.json").read_text())
ORG_A = "5e9d9544a1dcd60001d0ed20"
ORG_B = "5e9d9544a1dcd60001d0ed21"
API_A = "aaaa0000000000000000000000000002"
API_B = "bbbb0000000000000000000000000002"
NODE_SECRET = "labnodesecret"
