"""Pages of a long list, by the values it is sorted by."""

import json
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlencode

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from orgs import scope
from orgs.http import paging
from orgs.models import AuditEntry

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ORDER = ("-at", "-id")


@pytest.fixture
def entries(cast):
    """120 entries, three of each instant, newest first as (label)."""
    with scope.org(cast.acme.id):
        made = AuditEntry.objects.bulk_create(
            AuditEntry(
                org=cast.acme,
                at=NOON + timedelta(seconds=number // 3),
                actor_email="a@b.example",
                action="api.published",
                kind="api",
                object_id=str(number),
                label=f"Object {number}",
            )
            for number in range(120)
        )
        yield [entry.label for entry in sorted(made, key=lambda entry: (entry.at, entry.id), reverse=True)]


def page(address="", order=ORDER, rows=None, **options):
    asked = {name: values[-1] for name, values in parse_qs(address.removeprefix("?")).items()}
    return paging.page(asked, AuditEntry.objects.all() if rows is None else rows, order, **options)


def labels(found):
    return [entry.label for entry in found.items]


def test_pages_follow_one_another_and_lead_back(entries):
    first = page()
    second = page(first.older)
    third = page(second.older)
    assert [labels(each) for each in (first, second, third)] == [entries[:50], entries[50:100], entries[100:]]
    assert [each.position for each in (first, second, third)] == [
        "1 to 50 of 120",
        "51 to 100 of 120",
        "101 to 120 of 120",
    ]
    back = page(third.newer)
    assert (labels(back), back.position) == (entries[50:100], "51 to 100 of 120")
    again = page(back.newer)
    assert (labels(again), again.position, again.newer, again.newest) == (
        entries[:50],
        "1 to 50 of 120",
        "",
        "",
    )
    assert (third.older, third.oldest, page(third.newest)) == ("", "", first)


def test_rows_are_counted_only_where_nobody_knows_how_many_there_are(cast, entries):
    asked = {"one page": {"address": "?size=200"}, "known": {"known": 120}, "counted": {}}
    with scope.org(cast.acme.id):
        said = {}
        for what, options in asked.items():
            with CaptureQueriesContext(connection) as queries:
                position = page(**options).position
            said[what] = (position, len(queries))
    assert said == {
        "one page": ("1 to 120 of 120", 1),
        "known": ("1 to 50 of 120", 1),
        "counted": ("1 to 50 of 120", 2),
    }


def test_the_last_page_is_read_from_the_end(entries):
    last = page(page().oldest)
    assert (labels(last), last.position, last.older, last.oldest) == (
        entries[70:],
        "71 to 120 of 120",
        "",
        "",
    )
    assert (labels(page(last.newer)), page(last.newer).position) == (entries[20:70], "21 to 70 of 120")


def test_the_page_before_one_that_begins_early_is_a_whole_first_page(entries):
    whole = page(page(page(page().oldest).newer).newer)
    assert (labels(whole), whole.newer, page(whole.older).position) == (entries[:50], "", "51 to 100 of 120")


def test_the_same_list_the_other_way_round(entries):
    first = page(order=("at", "id"))
    assert labels(first) == entries[:69:-1]
    assert labels(page(first.older, order=("at", "id"))) == entries[69:19:-1]


def test_columns_of_two_directions_are_a_mistake_of_ours(entries):
    with pytest.raises(ValueError, match="one direction"):
        page(order=("at", "-id"))


def test_a_whole_first_page_is_of_the_size_that_was_asked_for(entries):
    early = page("?" + urlencode({"size": 25, "before": parse_qs(page().older[1:])["after"][0]}))
    assert (labels(early), early.size) == (entries[24:49], 25)
    first = page(early.newer)
    assert (labels(first), first.size, first.newer) == (entries[:25], 25, "")


@pytest.mark.parametrize("size", paging.SIZES)
def test_a_page_has_as_many_rows_as_asked_for_and_so_has_the_next(entries, size):
    first = page(f"?size={size}")
    assert (labels(first), first.size) == (entries[:size], size)
    assert [chosen for number, _, chosen in first.sizes] == [number == size for number in paging.SIZES]
    if size < 120:
        assert labels(page(first.older)) == entries[size : 2 * size]


def test_every_address_keeps_what_else_was_asked(entries):
    found = page(kept={"q": "a & b"})
    addresses = [found.older, found.oldest, *(address for _, address, _ in found.sizes)]
    assert {parse_qs(address[1:])["q"][0] for address in addresses} == {"a & b"}


def test_counting_ends_at_its_bound_and_may_be_left_out(entries):
    more, uncounted, just = page(counted=119), page(counted=0), page(counted=120)
    assert (more.position, uncounted.position, just.position) == (
        "1 to 50 of more than 119",
        "1 to 50",
        "1 to 50 of 120",
    )
    assert page("?last=1", counted=119).position == ""
    # How many rows a page has is a choice also where nobody knows how many there are.
    assert [len(each.sizes) for each in (more, uncounted, just)] == [len(paging.SIZES)] * 3


def test_a_row_that_was_added_or_lost_meanwhile_moves_no_page(entries, cast):
    older = page().older
    with scope.org(cast.acme.id):
        AuditEntry.objects.create(org=cast.acme, at=NOON + timedelta(days=1), action="x", kind="api")
    assert labels(page(older)) == entries[50:100]


def test_a_false_number_in_the_address_is_not_repeated(entries):
    after = parse_qs(page().older[1:])["after"][0]
    assert [
        paging.page({"after": after, "at": at}, AuditEntry.objects.all(), ORDER).position
        for at in ("900", "71")
    ] == [
        "",
        "71 to 120 of 120",
    ]


def test_nothing_found_has_no_position_and_no_neighbours(entries):
    none = page(rows=AuditEntry.objects.filter(kind="none"))
    assert (
        none.items,
        none.position,
        none.total,
        none.newer,
        none.older,
        none.newest,
        none.oldest,
        none.sizes,
    ) == (
        [],
        "",
        0,
        "",
        "",
        "",
        "",
        (),
    )


ID = "0123456789abcdef01234567"
BAD = {
    "not JSON": "x",
    "an object": "{}",
    "too few": json.dumps([NOON.isoformat()]),
    "too many": json.dumps([NOON.isoformat(), ID, ID]),
    "a number for a time": json.dumps([1, ID]),
    "no time": json.dumps(["yesterday", ID]),
    "a time without zone": json.dumps(["2026-03-01T12:00:00", ID]),
    "a time before all": json.dumps(["0001-01-01T00:00:00+16:00", ID]),
    "a number for a text": json.dumps([NOON.isoformat(), 1]),
    "a long text": json.dumps([NOON.isoformat(), "f" * 25]),
    "NUL": json.dumps([NOON.isoformat(), "\0"]),
    "half a character": json.dumps([NOON.isoformat(), "\ud800"]),
    "nothing": json.dumps([NOON.isoformat(), None]),
    "deep": "[" * 10_000,
}


@pytest.mark.parametrize("what", BAD)
@pytest.mark.parametrize("name", ["after", "before"])
def test_what_is_no_place_in_the_list_is_refused_by_name(entries, name, what):
    with pytest.raises(paging.BadPlace, match=f"^{name}: not a place in this list$"):
        paging.page({name: BAD[what]}, AuditEntry.objects.all(), ORDER)


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ({"size": "51"}, "size"),
        ({"size": "0"}, "size"),
        ({"size": "-50"}, "size"),
        ({"size": "9" * 30}, "size"),
        ({"size": "\u0665\u0660"}, "size"),  # 50 in Arabic digits
        ({"at": "x"}, "at"),
        ({"last": "1", "after": "[]"}, "last"),
        ({"after": "[]", "before": "[]"}, "before"),
    ],
)
def test_what_else_cannot_be_read_is_refused_by_name(entries, asked, named):
    with pytest.raises(paging.BadPlace, match=f"^{named}: "):
        paging.page(asked, AuditEntry.objects.all(), ORDER)


def test_a_view_answers_it_with_400(cast, client_for):
    answer = client_for(cast.acme_admin).get("/o/acme/audit/?size=7")
    assert (answer.status_code, "size: must be one of 25, 50, 100, 200" in answer.content.decode()) == (
        400,
        True,
    )


def test_a_place_may_stand_in_any_zone(entries):
    places = (f"2026-03-01T{time}" for time in ("12:00:30+00:00", "13:00:30+01:00", "12:00:30Z"))
    found = [
        labels(paging.page({"after": json.dumps([at, ID])}, AuditEntry.objects.all(), ORDER)) for at in places
    ]
    assert found[0] == found[1] == found[2]
    assert len(found[0]) == 50


def test_a_page_costs_two_statements_wherever_it_is(entries):
    for address in ("", page().older, page().oldest):
        with CaptureQueriesContext(connection) as found:
            page(address)
        assert len(found) == 2


def test_a_deep_page_is_found_by_the_index_alone(entries):
    """The condition must be one that the index begins at, not a filter over all that comes before."""
    found = paging._ordered(AuditEntry.objects.all(), ORDER, [NOON, ID])
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_bitmapscan = off")
        plan = found[:50].explain()
    assert "Index Cond" in plan
    assert "ROW(at, " in plan.partition("Index Cond")[2].splitlines()[0]


def test_batches_hold_every_row_once_each_in_its_own_scope(entries, cast):
    rows = AuditEntry.objects.all()
    with scope.nobody():
        found = list(
            paging.batches(
                rows, ORDER, lambda part: [each.label for each in part], org_id=cast.acme.id, size=50
            )
        )
        assert scope.current() is None
    assert found == [entries[:50], entries[50:100], entries[100:]]
    assert list(paging.batches(rows, ORDER, list, org_id=cast.globex.id)) == [[]]


def test_between_two_batches_nobodys_scope_is_entered(entries, cast):
    """A stream is read by the server, piece by piece, and its worker goes on with other requests."""
    with scope.nobody():
        entered = []
        for _ in paging.batches(AuditEntry.objects.all(), ORDER, list, org_id=cast.acme.id, size=50):
            entered.append(scope.current())
    assert entered == [None, None, None]
