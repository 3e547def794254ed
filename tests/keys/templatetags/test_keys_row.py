"""A row of the list of keys."""

from datetime import UTC, datetime

import pytest

from keys.finding.quotas import Quota
from keys.keys.session import PolicyFacts
from keys.templatetags.keys_row import key_row

MADE = datetime(2026, 3, 1, 23, 5, tzinfo=UTC)
MARKUP = "<b>&'"
ESCAPED = "&lt;b&gt;&amp;&#x27;"
PLAIN = {
    "id": "a1",
    "name": "Partner",
    "address": "/o/acme/keys/a1/",
    "hint": "eyJ",
    "credential": "",
    "owner": "",
    "owner_quoted": "",
    "expires_at": None,
    "created_at": MADE,
    "state": "active",
    "denying": "",
    "policies": [],
    "policies_in_all": 0,
    "own": "2 APIs",
    "delivered": True,
    "quota": None,
    "away": "",
    "use": None,
}
TIME = '<time class="nowrap" datetime="2026-03-01T23:05:00+00:00">1 Mar 2026, 23:05</time>'
NAME = (
    '<th scope="row"><a class="cut" href="/o/acme/keys/a1/" title="Partner">Partner</a>'
    '<span class="row-sub" title=""><code>eyJ…</code></span></th>'
)
STATE = '<td data-label="State"><span class="badge badge-ok">active</span></td>'
OPENS = '<td data-label="Opens" class="lesser">2 APIs</td>'
EXPIRES = '<td data-label="Expires" class="lesser date"><span class="muted">never</span></td>'
CREATED = f'<td data-label="Created" class="lesser date">{TIME}</td>'
QUOTA = '<td data-label="Quota used"><span class="muted">no quota</span></td>'
CELLS = {"name": NAME, "state": STATE, "opens": OPENS, "expires": EXPIRES, "created": CREATED, "quota": QUOTA}


@pytest.mark.parametrize(
    ("row", "cells"),
    [
        ({}, {}),
        (
            {"name": MARKUP, "hint": "<", "credential": MARKUP, "owner": MARKUP, "owner_quoted": "%3Cb"},
            {
                "name": f'<th scope="row"><a class="cut" href="/o/acme/keys/a1/" title="{ESCAPED}">{ESCAPED}</a>'
                f'<span class="row-sub" title="{ESCAPED}"><code>&lt;…</code> · {ESCAPED}'
                f' · <a href="?owner=%3Cb">{ESCAPED}</a></span></th>'
            },
        ),
        (
            {"state": "refused", "denying": MARKUP, "delivered": False},
            {
                "state": '<td data-label="State"><span class="badge badge-bad">refused</span>'
                f'<span class="row-sub wrap">its policy <span class="short" title="{ESCAPED}">{ESCAPED}</span> denies'
                '</span> <span class="badge badge-warn">not yet delivered</span></td>'
            },
        ),
        (
            {
                "policies": [PolicyFacts("p1", "p1", MARKUP, "active", True, 0)],
                "policies_in_all": 3,
                "own": "",
            },
            {
                "opens": '<td data-label="Opens" class="lesser">'
                f'<a class="cut" href="?policy=p1" title="{ESCAPED}">{ESCAPED}</a>'
                '<span class="muted small">3 policies in all</span></td>'
            },
        ),
        (
            {"quota": Quota(1_234, 2_000, 3), "expires_at": MADE},
            {
                "quota": '<td data-label="Quota used"><span title="The fullest of its 3 quotas">61 %</span>'
                '<span class="row-sub wrap">1,234 of 2,000</span></td>',
                "expires": f'<td data-label="Expires" class="lesser date">{TIME}</td>',
            },
        ),
        (
            {"quota": Quota(1, 2)},
            {
                "quota": '<td data-label="Quota used"><span title="Of the period that is running">50 %</span>'
                '<span class="row-sub wrap">1 of 2</span></td>'
            },
        ),
        (
            {"away": "Redis's"},
            {
                "quota": '<td data-label="Quota used"><span title="Redis&#x27;s">\N{EN DASH}</span>'
                '<span class="row-sub wrap">Redis away</span></td>'
            },
        ),
    ],
    ids=["plain", "markup", "refused", "policies", "quotas", "quota", "Redis away"],
)
def test_a_row_says_what_is_known_of_its_key_and_nothing_in_it_can_be_markup(row, cells):
    assert (
        key_row(PLAIN | row, may_write=False, usage=None) == f"<tr>{''.join((CELLS | cells).values())}</tr>\n"
    )


def test_a_row_can_be_chosen_by_who_may_write_and_tells_use_to_who_may_see_it():
    tick = (
        '<label class="tick"><input type="checkbox" name="key" value="a1" form="bulk">'
        '<span class="visually-hidden">Choose Partner</span></label>'
    )
    named = NAME.replace('<th scope="row">', f'<th scope="row">{tick}')
    used = '<td data-label="Requests, 24 h" class="usage"><span class="muted">none</span></td>'
    cells = "".join((CELLS | {"name": named, "use": used}).values())
    assert key_row(PLAIN, may_write=True, usage=object()) == f"<tr>{cells}</tr>\n"
