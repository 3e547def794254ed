"""What a record keeps, on its page and by REST, and who may see and choose it."""

import base64

import pytest
from django.db import transaction

from apis.publishing import publish
from dashboard.analytics.bodies import keeping
from dashboard.analytics.bodies.redaction.found import MARK
from dashboard.analytics.bodies.redaction.messages import MOST_KEPT
from dashboard.analytics.dimensions import BODIES, kept_for
from orgs import scope
from orgs.models import AuditEntry
from orgs.organisations import lifecycle
from tests import make
from tests.analytics import screens
from tests.analytics.bodies.test_collecting import keep, wire
from tests.analytics.screens import ago, push

LOGS = "/o/alpha/logs/"
KEEPING = "/o/alpha/logs/keeping/"
SECRET = "unguessable-secret"
READER = {"log": "read", "log_bodies": "read"}


def definition(**members) -> dict:
    return {
        "name": "Orders",
        "api_id": "orders",
        "active": True,
        "use_keyless": True,
        "proxy": {"listen_path": "/orders/", "target_url": "http://upstream.example/"},
        **members,
    }


@pytest.fixture
def alpha(committed):
    return make.organisation("Alpha", "alpha")


@pytest.fixture
def client(alpha, client_for):
    return client_for(make.user("ann@alpha.example", alpha, screens.ADMINISTRATOR))


def sent(redis, org, **members) -> None:
    """A request that its gateway recorded in detail."""
    push(
        redis,
        {
            "OrgID": org.id,
            "APIID": "orders",
            "TimeStamp": ago(minutes=5),
            "Path": "/a",
            "RawPath": "/a",
            "RawRequest": wire("GET /a HTTP/1.1", f"Authorization: {SECRET}", "X-Markup: <b>"),
            "RawResponse": wire("HTTP/1.1 200 OK", body="<script>" + "x" * MOST_KEPT),
            **members,
        },
    )


def line(client) -> str:
    [found] = client.get(LOGS).context["records"]
    return found["url"]


def views(org) -> list[AuditEntry]:
    with scope.org(org.id):
        return list(AuditEntry.objects.filter(action="bodies.viewed").order_by("at"))


def test_whoever_has_the_right_sees_both_escaped_and_each_look_is_noted(alpha, client, client_for, redis):
    keep(alpha)
    sent(redis, alpha)
    url = line(client)
    page = client.get(url)
    assert (f'action="{url}bodies/#bodies-heading"' in page.content.decode(), views(alpha)) == (True, [])
    assert "X-Markup" not in page.content.decode()
    page = client.post(f"{url}bodies/")
    text = page.content.decode()
    assert (page.status_code, page["Cache-Control"]) == (200, "no-store")
    assert f"GET /a HTTP/1.1\nAuthorization: {MARK}\nX-Markup: &lt;b&gt;</pre>" in text
    assert ("&lt;script&gt;xxx" in text, "<script>xxx" in text, text.count("More was sent than is kept")) == (
        True,
        False,
        1,
    )
    [look] = views(alpha)
    assert (look.actor_email, look.object_id, look.label) == (
        "ann@alpha.example",
        url.split("logs/")[1].rstrip("/"),
        "GET /a",
    )
    with scope.org(alpha.id):
        assert MARK not in str(list(AuditEntry.objects.values()))
    for granted, may in ((READER, True), ({"log": "read"}, False), ({"log_bodies": "read"}, False)):
        person = client_for(make.user(f"p{len(str(granted))}@alpha.example", alpha, granted))
        assert (person.post(f"{url}bodies/").status_code, granted) == (200 if may else 403, granted)
        if "log" in granted:
            assert ("Show request and answer" in person.get(url).content.decode()) == may
    assert len(views(alpha)) == 2


def test_they_are_in_no_list_no_file_and_of_no_other_organisation(alpha, client, rest, redis, caplog):
    beta = make.organisation("Beta", "beta")
    bob = make.signed_in(make.user("bob@beta.example", beta, screens.ADMINISTRATOR))
    keep(alpha)
    keep(beta)
    sent(redis, alpha)
    url = line(client)
    answers = [
        client.get(LOGS),
        client.get(LOGS, {"format": "csv"}),
        client.get("/o/alpha/analytics/"),
        rest(make.user("key@alpha.example", alpha, screens.ADMINISTRATOR)).get("/api/logs"),
    ]
    for answer in answers:
        text = answer.getvalue().decode()
        assert (answer.status_code, "X-Markup" in text, "xxxx" in text) == (200, False, False)
    assert ("X-Markup" in caplog.text, SECRET in caplog.text) == (False, False)
    place = url.removeprefix(LOGS)
    assert bob.post(f"/o/beta/logs/{place}bodies/").status_code == 404
    assert bob.post(f"{url}bodies/").status_code == 404


def test_rest_gives_them_of_one_record_to_whoever_has_the_right(alpha, rest, redis):
    keep(alpha)
    sent(redis, alpha)
    keys = {
        name: rest(make.user(f"{name}@alpha.example", alpha, granted))
        for name, granted in (("reader", READER), ("log", {"log": "read"}), ("only", {"log_bodies": "read"}))
    }
    [listed] = keys["log"].get("/api/logs").json()["data"]
    assert (listed["RawRequest"], listed["RawResponse"]) == ("", "")
    url = f"/api/logs/{listed['LogID']}"
    got = keys["reader"].get(url)
    data = got.json()
    assert (
        base64.b64decode(data["RawRequest"]).decode()
        == f"GET /a HTTP/1.1\nAuthorization: {MARK}\nX-Markup: <b>\n"
    )
    assert (data["cut"], got["Cache-Control"]) == (["RawResponse"], "no-store")
    assert {name: data[name] for name in listed if not name.startswith("Raw")} == {
        name: listed[name] for name in listed if not name.startswith("Raw")
    }
    assert [keys[name].get(url).status_code for name in ("log", "only")] == [403, 403]
    assert [keys["reader"].get(f"/api/logs/{at}").status_code for at in ("1/2", f"{2**70}/1")] == [404, 404]
    assert [entry.actor_email for entry in views(alpha)] == ["reader@alpha.example"]
    keep(alpha, enabled=False)
    assert keys["reader"].get(url).json()["RawRequest"] == ""


def test_the_page_of_a_record_says_what_to_do_where_there_is_nothing_to_see(alpha, client, client_for, redis):
    admin = make.user("api@alpha.example", alpha, screens.ADMINISTRATOR)
    reader = client_for(make.user("reader@alpha.example", alpha, READER))
    with scope.org(alpha.id):
        api = publish.create(alpha.id, definition(), author=admin)
    sent(redis, alpha)
    url = line(client)
    assert client.get(url).context["kept"] is None
    with scope.org(alpha.id):
        publish.change(api, definition(enable_detailed_recording=True), author=admin)
    kept = client.get(url).context["kept"]
    assert "keeps neither" in kept.words
    assert kept.links == (("Keep requests and answers", KEEPING),)
    assert reader.get(url).context["kept"].links == ()
    keep(alpha)
    assert "came before they were kept" in client.get(url).context["kept"].words
    assert client.post(f"{url}bodies/").status_code == 404
    with scope.org(alpha.id):
        publish.change(api, definition(), author=admin)
    kept = client.get(url).context["kept"]
    assert "not recorded in detail" in kept.words
    assert [url.partition("#")[0] for _, url in kept.links] == [f"/o/alpha/apis/{api.id}/edit/"]
    assert reader.get(url).context["kept"].links == ()
    push(
        redis,
        {
            "OrgID": alpha.id,
            "Path": "/old",
            "RawPath": "/old",
            "TimeStamp": ago(days=kept_for(BODIES).days + 2),
        },
    )
    [old] = client.get(LOGS, {"range": "30d", "path": "/old"}).context["records"]
    assert client.get(old["url"]).context["kept"].words == "Requests and answers are kept for 7 days."


def test_an_organisation_that_keeps_them_for_less_time_shows_them_no_longer(alpha, client, rest, redis):
    keep(alpha)
    sent(redis, alpha, TimeStamp=ago(days=3))
    [old] = client.get(LOGS, {"range": "7d"}).context["records"]
    assert client.post(f"{old['url']}bodies/").status_code == 200
    with transaction.atomic():
        lifecycle.change(alpha, kept_days={"bodies": 1})
    assert client.get(old["url"]).context["kept"].words == "Requests and answers are kept for 1 day."
    assert "for 1 day<" in client.get(KEEPING).content.decode()
    assert client.post(f"{old['url']}bodies/").status_code == 404
    key = rest(make.user("reader@alpha.example", alpha, READER))
    url = f"/api/logs/{old['url'].removeprefix(LOGS).rstrip('/')}"
    assert key.get(url).json()["RawRequest"] == ""
    with transaction.atomic():
        lifecycle.change(alpha, kept_days={"records": 1})
    assert key.get(url).status_code == 404


def test_only_administrators_choose_and_each_choice_is_noted(alpha, client, client_for):
    reader = client_for(make.user("reader@alpha.example", alpha, READER))
    page = reader.get(KEEPING).content.decode()
    assert ("Not kept" in page, "<textarea" in page, "7 days" in page, "32 KB" in page) == (
        True,
        False,
        True,
        True,
    )
    typed = {
        "enabled": "on",
        "headers": "X-One\r\n\r\n X-Two \r\nX-One",
        "members": "card number\nPIN",
        "seen": "0",
    }
    assert reader.post(KEEPING, typed).status_code == 403
    assert client.get("/o/alpha/logs/keeping/").context["form"]["seen"].value() == 0
    assert client.post(KEEPING, typed).status_code == 302
    with scope.org(alpha.id):
        row = keeping.of(alpha)
        [entry] = AuditEntry.objects.filter(kind="bodies")
    assert (row.enabled, row.headers, row.members) == (True, ["X-One", "X-Two"], ["card number", "PIN"])
    assert (entry.action, entry.actor_email, entry.changes["enabled"]) == (
        "bodies.switched-on",
        "ann@alpha.example",
        [False, True],
    )
    assert client.post(KEEPING, typed).status_code == 409
    assert client.post(KEEPING, {**typed, "seen": "1", "enabled": ""}).status_code == 302
    assert client.post(KEEPING, {**typed, "seen": "2", "enabled": "", "members": ""}).status_code == 302
    with scope.org(alpha.id):
        actions = AuditEntry.objects.filter(kind="bodies").order_by("at").values_list("action", flat=True)
        assert list(actions) == ["bodies.switched-on", "bodies.switched-off", "bodies.changed"]


@pytest.mark.parametrize(
    ("field", "text", "fault"),
    [
        ("headers", "X One", "X One is no name of a header"),
        ("headers", "Größe", "Größe is no name of a header"),
        ("headers", "--", "-- has no letter or digit in it"),
        ("headers", "a" * 101, f"{'a' * 100} is longer than 100 characters"),
        ("members", "\n".join(f"a{number}" for number in range(51)), "has more than 50 names"),
        ("members", "a\u202eb", "a\u202eb has control characters in it"),
        ("members", "x" * 6_000, "Ensure this value has at most 5100 characters (it has 6000)."),
    ],
)
def test_names_are_checked(db, client_for, field, text, fault):
    org = make.organisation("Alpha", "alpha")
    client = client_for(make.user("ann@alpha.example", org, screens.ADMINISTRATOR))
    answer = client.post(KEEPING, {"enabled": "on", field: text, "seen": "0"})
    assert (answer.status_code, answer.context["form"].errors) == (400, {field: [fault]})
    with scope.org(org.id):
        assert keeping.of(org).change_number == 0
