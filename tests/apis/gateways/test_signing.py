import json
from pathlib import Path

import pytest

from apis.gateways.signing import signed

RECORDED = json.loads((Path(__file__).parent / "data" / "notifications.json").read_text())


@pytest.mark.parametrize("recorded", RECORDED["notifications"], ids=lambda recorded: recorded["command"])
def test_a_notification_is_signed_as_gateways_sign_theirs(recorded):
    message = json.loads(signed(recorded["command"], recorded["payload"], RECORDED["node_secret"]))
    assert {"version": recorded["version"], **message} == recorded


def test_another_secret_gives_another_signature():
    assert signed("ApiUpdated", "", "one") != signed("ApiUpdated", "", "other")
