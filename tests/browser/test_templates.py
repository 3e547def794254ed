"""The strict policy holds only while no template brings style or script of its own."""

import re
from pathlib import Path

import pytest

TEMPLATES = Path(__file__).parents[2] / "templates"
INLINE = re.compile(r"""\sstyle=|<style|\son\w+=|javascript:|<script(?![^>]*\ssrc=)""", re.IGNORECASE)


def test_an_inline_style_script_or_handler_is_recognised():
    bad = [
        '<p style="x">',
        "<style>",
        '<a onclick="x">',
        '<a href="javascript:x">',
        "<script>",
        '<script type="module">',
    ]
    good = ['<script src="x">', '<script type="module" src="x">', '<p class="style">', '<p data-on="1">']
    assert [bool(INLINE.search(text)) for text in bad + good] == [True] * 6 + [False] * 4


@pytest.mark.parametrize(
    "path", sorted(TEMPLATES.rglob("*.html")), ids=lambda path: str(path.relative_to(TEMPLATES))
)
def test_no_template_has_any(path):
    assert INLINE.findall(path.read_text()) == []
