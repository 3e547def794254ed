"""What README and SECURITY.md point at is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize("document", ["README.md", "SECURITY.md"])
def test_every_file_of_ours_that_a_document_names_is_there(document):
    named = re.findall(
        r"`((?:tests|apis|orgs|keys|dashboard|static)/[\w./]+)`", (ROOT / document).read_text()
    )
    assert [name for name in named if not (ROOT / name).exists()] == []
    assert named


def test_every_test_that_security_names_is_there():
    there = {path.name for path in (ROOT / "tests").rglob("test_*.py")}
    named = set(re.findall(r"\btest_\w+\.py\b", (ROOT / "SECURITY.md").read_text()))
    assert sorted(named - there) == []
    assert len(named) >= 20
