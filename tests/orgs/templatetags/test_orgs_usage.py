"""How much a thing of a list is used, as its row says it."""

import pytest

from orgs.providers.usage import Use
from orgs.templatetags.orgs_usage import spark, usage_cell

CURVE = ("0 0 24 8", "M0 8")
SPARK = '<svg class="spark{}" viewBox="0 0 24 8" preserveAspectRatio="none" aria-hidden="true"><path d="M0 8"/></svg>'


@pytest.mark.parametrize(
    ("use", "shown"),
    [
        (None, '<span class="muted">none</span>'),
        (
            Use(0, "", "", "", False, None, "3 days ago <b>"),
            '<span class="muted">none</span><span class="row-sub wrap">last 3 days ago &lt;b&gt;</span>',
        ),
        (
            Use(1_200, "1.2 k", "1,200 requests", "0 %", False, CURVE, "now"),
            f'<span class="usage-figures"><span title="1,200 requests">1.2 k</span>{SPARK.format("")}</span>'
            '<span class="row-sub wrap">0 % 5xx</span><span class="row-sub wrap">last now</span>',
        ),
        (
            Use(1_200, "1.2 k", "1,200 requests", "9 %", True, CURVE, "now"),
            f'<span class="usage-figures"><span title="1,200 requests">1.2 k</span>{SPARK.format(" spark-bad")}</span>'
            '<span class="row-sub wrap"><span class="status-5xx">9 % 5xx</span></span>'
            '<span class="row-sub wrap">last now</span>',
        ),
    ],
    ids=["never called", "not of late", "called", "failing"],
)
def test_a_cell_says_how_much_and_when_last(use, shown):
    assert usage_cell(use) == f'<td data-label="Requests, 24 h" class="usage">{shown}</td>'


def test_there_is_no_curve_of_nothing():
    assert spark(None, bad=True) == ""
