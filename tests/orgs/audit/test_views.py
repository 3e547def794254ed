"""The audit log on its page and as CSV."""

import csv
import io
import re
from datetime import UTC, datetime, timedelta

import pytest

from orgs import scope
from orgs.http.spreadsheet import harmless
from orgs.models import AuditEntry, PlatformAuditEntry
from tests.keys import build

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def entry(org, number: int = 0, **facts) -> AuditEntry:
    stated = {
        "at": NOON + timedelta(seconds=number),
        "actor_email": "ada@acme.example",
        "action": "api.published",
        "kind": "api",
        "object_id": f"o{number}",
        "label": f"Object {number}",
    }
    with scope.org(org.id):
        return AuditEntry.objects.create(org=org, **{**stated, **facts})


def rows(answer) -> list[str]:
    return re.findall(r'title="[^"]*">(Object \d+)<', answer.content.decode())


def older(answer) -> str:
    return re.findall(r'href="(\?[^"]*)" rel="next"', answer.content.decode())[0].replace("&amp;", "&")


def test_an_entry_says_when_in_the_organisations_zone_who_what_and_the_changes(cast, client_for):
    cast.acme.time_zone = "Asia/Tokyo"
    cast.acme.save()
    entry(
        cast.acme,
        actor_id=cast.super_user.id,
        as_super_user=True,
        changes={"active": [True, False], "name": ["<b>", None]},
    )
    page = client_for(cast.acme_admin).get("/o/acme/audit/").content.decode()
    cells = re.findall(r"<td.*?</td>", page, re.DOTALL)
    assert [" ".join(re.sub(r"<[^>]*>", " ", cell).split()) for cell in cells] == [
        "1 Mar 2026, 21:00:00",
        "ada@acme.example as super-user",
        "api.published",
        "Object 0 o0",
        "2 fields active true false name &lt;b&gt;",
    ]


def test_the_log_of_another_organisation_is_neither_on_the_page_nor_in_the_csv(cast, client_for):
    entry(cast.globex, 7)
    entry(cast.acme, 1)
    client = client_for(cast.acme_admin)
    assert rows(client.get("/o/acme/audit/")) == ["Object 1"]
    assert "Object 7" not in client.get("/o/acme/audit/?format=csv").getvalue().decode()
    assert client.get("/o/globex/audit/").status_code == 404
    assert rows(client_for(cast.super_user).get("/o/globex/audit/")) == ["Object 7"]


def test_paging_by_key_shows_every_entry_once_even_at_the_same_instant(cast, client_for):
    for number in range(120):
        entry(cast.acme, number, at=NOON)
    client, seen, query = client_for(cast.acme_admin), [], ""
    for _ in range(3):
        page = client.get(f"/o/acme/audit/{query}")
        seen.append(rows(page))
        query = older(page) if 'rel="next"' in page.content.decode() else ""
    assert [len(part) for part in seen] == [50, 50, 20]
    assert sorted(label for part in seen for label in part) == sorted(
        f"Object {number}" for number in range(120)
    )


def test_it_is_filtered_by_kind_and_by_person_or_object(cast, client_for):
    entry(cast.acme, 1)
    entry(cast.acme, 2, kind="key", actor_email="max@acme.example")
    client = client_for(cast.acme_admin)
    assert rows(client.get("/o/acme/audit/?kind=key")) == ["Object 2"]
    assert rows(client.get("/o/acme/audit/?q=ADA")) == ["Object 1"]
    assert rows(client.get("/o/acme/audit/?q=o2")) == ["Object 2"]
    assert rows(client.get("/o/acme/audit/?q=max&kind=api")) == []


def test_days_of_the_organisations_zone_cut_it(cast, client_for):
    cast.acme.time_zone = "Asia/Tokyo"
    cast.acme.save()
    # Midnight of the 1st of March there, and a second before it.
    midnight = datetime(2026, 2, 28, 15, tzinfo=UTC)
    entry(cast.acme, 1, at=midnight)
    entry(cast.acme, 2, at=midnight - timedelta(seconds=1))
    client = client_for(cast.acme_admin)
    assert rows(client.get("/o/acme/audit/?since=2026-03-01")) == ["Object 1"]
    assert rows(client.get("/o/acme/audit/?until=2026-02-28")) == ["Object 2"]
    assert rows(client.get("/o/acme/audit/?since=2026-03-01&until=2026-03-01")) == ["Object 1"]


def test_an_entry_leads_to_its_object_where_that_is_there_and_may_be_seen(cast, client_for):
    api = build.api(cast.acme)
    entry(cast.acme, 1)  # of an API that is gone
    address = f'href="/o/acme/apis/{api.id}/"'
    text = client_for(cast.acme_admin).get("/o/acme/audit/").content.decode()
    assert (text.count(address), text.count('href="/o/acme/apis/o1/"')) == (1, 0)
    cast.acme_member.permissions = {"audit_logs": "read"}
    cast.acme_member.save()
    assert address not in client_for(cast.acme_member).get("/o/acme/audit/").content.decode()


@pytest.mark.parametrize(
    "query", ["before=x", "before=2026-03-01", "after=[1]", "kind=no", "since=x", "until=9999-12-31"]
)
def test_a_filter_that_cannot_be_read_is_named(cast, client_for, query):
    answer = client_for(cast.acme_admin).get(f"/o/acme/audit/?{query}")
    named = re.findall(r"<p>(\w+): ", answer.content.decode())
    assert (answer.status_code, named) == (400, [query.split("=")[0]])


def test_the_oldest_come_first_when_the_head_of_time_is_clicked(cast, client_for):
    for number in range(60):
        entry(cast.acme, number)
    client = client_for(cast.acme_admin)
    newest = client.get("/o/acme/audit/")
    [time] = [head for head in newest.context["heads"] if head.address]
    assert (time.direction, time.address) == ("descending", "?sort=at")
    first = client.get("/o/acme/audit/?sort=at")
    assert rows(first) == [f"Object {number}" for number in range(50)]
    assert first.context["heads"][0].direction == "ascending"
    second = client.get(f"/o/acme/audit/{first.context['page'].older}")
    assert rows(second) == [f"Object {number}" for number in range(50, 60)]
    file = client.get(f"/o/acme/audit/{first.context['csv']}").getvalue().decode("utf-8-sig")
    assert [line["id"] for line in csv.DictReader(io.StringIO(file))] == [
        f"o{number}" for number in range(60)
    ]
    assert client.get("/o/acme/audit/?sort=label").status_code == 400


def test_the_csv_holds_the_same_rows_whole_and_runs_no_formula(cast, client_for):
    entry(
        cast.acme, 1, label="=1+1", changes={"name": [None, "x" * 400]}, address="192.0.2.7", request_id="r1"
    )
    answer = client_for(cast.acme_admin).get("/o/acme/audit/?format=csv")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert list(csv.DictReader(io.StringIO(answer.getvalue().decode("utf-8-sig")))) == [
        {
            "time": "2026-03-01T12:00:01+00:00",
            "person": "ada@acme.example",
            "as super-user": "no",
            "action": "api.published",
            "kind": "api",
            "id": "o1",
            "name": "'=1+1",
            "changes": '{"name": [null, "' + "x" * 400 + '"]}',
            "address": "192.0.2.7",
            "request": "r1",
        }
    ]


@pytest.mark.parametrize(
    "text",
    ["=1", "+1", "-1", "@a", "\t=1", "\r=1", "\n=1", "\n1", " =1", '"=1', "＝1", "＋1", "－1", "＠a"],  # noqa: RUF001
)
def test_a_cell_that_a_spreadsheet_would_run_is_quoted(text):
    assert harmless(text) == f"'{text}"


@pytest.mark.parametrize(
    ("text", "quoted"),
    [("a;=cmd", "a;'=cmd"), ("a; =cmd", "a;' =cmd"), ("a\n=cmd", "a\n'=cmd"), ("a\t＝cmd", "a\t'＝cmd")],  # noqa: RUF001
)
def test_so_is_what_would_be_a_cell_where_semicolons_part_columns(text, quoted):
    assert harmless(text) == quoted


def test_a_spreadsheet_reads_the_file_as_utf_8(cast, client_for):
    answer = client_for(cast.acme_admin).get("/o/acme/audit/?format=csv")
    assert answer.getvalue().startswith(b"\xef\xbb\xbftime,")


def test_numbers_and_plain_text_are_left_alone():
    assert [harmless(value) for value in (-1, 2.5, "a=b", "", None)] == [-1, 2.5, "a=b", "", None]


def test_the_platforms_log_is_for_super_users(cast, client_for):
    PlatformAuditEntry.objects.create(
        actor_email="sue@platform.example",
        action="user.created",
        kind="user",
        object_id="u",
        label="Object 9",
    )
    assert client_for(cast.acme_admin).get("/audit/").status_code == 404
    assert rows(client_for(cast.super_user).get("/audit/")) == ["Object 9"]


def test_an_empty_log_says_what_will_be_in_it(cast, client_for):
    page = client_for(cast.acme_admin).get("/o/acme/audit/").content.decode()
    assert re.findall(r'<div class="empty">.*?<h2>([^<]*)</h2>', page, re.DOTALL) == ["Nothing recorded yet"]


def test_the_log_asks_the_database_as_often_for_three_entries_as_for_one(
    cast, client_for, django_assert_num_queries
):
    client = client_for(cast.acme_admin)
    entry(cast.acme, 1)
    client.get("/o/acme/audit/")  # the first request of a process checks the isolation too
    with django_assert_num_queries(6):
        assert rows(client.get("/o/acme/audit/")) == ["Object 1"]
    entry(cast.acme, 2)
    entry(cast.acme, 3)
    with django_assert_num_queries(6):
        assert rows(client.get("/o/acme/audit/")) == ["Object 3", "Object 2", "Object 1"]
