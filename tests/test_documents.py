"""What README, SECURITY.md and the guides point at is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


DOCUMENTS = (
    "README.md",
    "SECURITY.md",
    *(f"dashboard/docs/{guide.name}" for guide in sorted(ROOT.glob("dashboard/docs/*.md"))),
)


def test_every_file_of_ours_that_a_document_names_is_there():
    named = {
        (document, name)
        for document in DOCUMENTS
        for name in re.findall(
            r"`((?:tests|apis|orgs|keys|dashboard|static)/[\w./]+)`", (ROOT / document).read_text()
        )
    }
    assert {(document, name) for document, name in named if not (ROOT / name).exists()} == set()
    assert len({document for document, _ in named}) >= 3


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_of_a_document_leads_to_a_file_and_a_heading_that_are_there(document):
    place = ROOT / document
    missing = []
    for address in re.findall(r"\]\(([^)\s]+)\)", place.read_text()):
        if address.startswith("https://"):
            continue
        name, _, anchor = address.partition("#")
        there = (place.parent / name) if name else place
        if not there.exists() or (anchor and anchor not in headings(there)):
            missing.append(address)
    assert missing == []


def headings(document: Path) -> set[str]:
    """The anchors of a document's headings, as GitHub makes them."""
    found = re.findall(r"(?m)^#+ (.+)$", document.read_text())
    return {re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in found}


def test_every_guide_can_be_found_from_the_first_page():
    readme = (ROOT / "README.md").read_text()
    assert [guide for guide in DOCUMENTS[1:] if f"]({guide})" not in readme] == []


def test_every_test_that_security_names_is_there():
    there = {path.name for path in (ROOT / "tests").rglob("test_*.py")}
    named = set(re.findall(r"\btest_\w+\.py\b", (ROOT / "SECURITY.md").read_text()))
    assert sorted(named - there) == []
    assert len(named) >= 20
