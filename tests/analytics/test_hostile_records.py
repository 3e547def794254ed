"""Records that a hostile client or a broken gateway made, on every page and in every file that shows them."""

from urllib.parse import urlencode

import pytest
from django.db import connection, transaction

from orgs import scope
from tests import make
from tests.analytics import screens
from tests.analytics.screens import ago, push

LOGS = "/o/alpha/logs/"
# Each text field of a record with the name of the tag that stands in it.
FIELDS = {
    "APIID": "api",
    "APIVersion": "version",
    "Method": "method",
    "Host": "host",
    "Path": "path",
    "RawPath": "path",
    "Alias": "alias",
    "OauthID": "oauth",
    "UserAgent": "agent",
    "IPAddress": "address",
}


def marked(name: str) -> str:
    """Short enough for every field, with all that means something in markup."""
    return f"<b-{name} a=\"'&"


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_a_stamp_beyond_every_calendar_is_shown_as_the_last_one_there_is(committed, redis, client_for, zone):
    alpha = make.organisation("Alpha", "alpha", time_zone=zone)
    client = client_for(make.user("ann@alpha.example", alpha, screens.ADMINISTRATOR))
    push(redis, {"OrgID": alpha.id, "TimeStamp": [2**40, 0]})
    with scope.every_org(), transaction.atomic(), connection.cursor() as cursor:
        # As versions before this one stored it.
        cursor.execute("CREATE TEMP TABLE old ON COMMIT DROP AS SELECT * FROM record")
        cursor.execute("UPDATE old SET id = id + 1, sent_at = '9999-12-31 23:59:59+00'")
        cursor.execute("INSERT INTO record SELECT * FROM old")
    lines = client.get(LOGS).context["records"]
    assert len(lines) == 2
    for line in lines:
        page = client.get(line["url"])
        assert (page.status_code, page.content.decode().count("December 9999")) == (200, 1)


def test_markup_in_any_text_of_a_record_stays_text(committed, redis, client_for):
    alpha = make.organisation("Alpha", "alpha")
    client = client_for(make.user("ann@alpha.example", alpha, screens.ADMINISTRATOR))
    texts = {field: marked(name) for field, name in FIELDS.items()}
    push(
        redis,
        {
            "OrgID": alpha.id,
            "TimeStamp": ago(minutes=5),
            "APIKey": "a" * 16,
            "TrackPath": True,
            "Tags": [marked("tag")],
            "Geo": {"Country": {"ISOCode": marked("country")}},
            **texts,
        },
    )
    [line] = client.get(LOGS).context["records"]
    shown = {
        line["url"]: {"api", "version", "method", "host", "path", "alias", "oauth", "agent", "tag"},
        LOGS: {"api", "method", "path", "alias"},
        "/o/alpha/": set(),
        "/o/alpha/analytics/?range=1h": {"api", "method", "path", "alias"},
        "/o/alpha/analytics/endpoints/?range=1h": {"api", "method", "path"},
        "/o/alpha/analytics/keys/?range=1h": {"alias"},
        f"/o/alpha/analytics/?{urlencode({'range': '1h', 'api': marked('api')})}": {"api"},
    }
    for url, names in shown.items():
        page = client.get(url)
        text = page.content.decode()
        assert (url, page.status_code, text.count("<b-"), text.count("\"'&")) == (url, 200, 0, 0)
        assert (url, {name for name in names if f"&lt;b-{name} a=&quot;&#x27;&amp;" not in text}) == (
            url,
            set(),
        )


def test_markup_in_a_record_is_a_cell_of_its_file_as_it_came(committed, redis, client_for):
    alpha = make.organisation("Alpha", "alpha")
    client = client_for(make.user("ann@alpha.example", alpha, screens.ADMINISTRATOR))
    texts = {field: marked(name) for field, name in FIELDS.items()}
    push(redis, {"OrgID": alpha.id, "TimeStamp": ago(minutes=5), "APIKey": "a" * 16, **texts})
    [row] = screens.sheet(client.get(LOGS, {"format": "csv"}))
    assert [row[name] for name in ("method", "path", "api_id", "alias", "version", "user_agent")] == [
        marked(name) for name in ("method", "path", "api", "alias", "version", "agent")
    ]
    answer = client.get(LOGS, {"format": "csv"})
    assert (answer["Content-Type"], answer["X-Content-Type-Options"]) == (
        "text/csv; charset=utf-8",
        "nosniff",
    )
    assert answer["Content-Disposition"].startswith("attachment;")
