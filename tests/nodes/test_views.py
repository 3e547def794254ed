import re
from datetime import timedelta
from html import unescape

import pytest
from django.utils import timezone

from dashboard.nodes.models import Node, NodeSignal
from keys.models import Key
from orgs import scope
from tests import make
from tests.analytics.screens import ago, push
from tests.keys import build as keys
from tests.orgs.http.files import file_of


def text_of(answer):
    """The page as a person reads it."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())).split())


def nodes(count):
    now = timezone.now()
    Node.objects.bulk_create(
        Node(
            session_id=f"session-{number}",
            node_id=f"node-{number}",
            nonce=f"nonce-canary-{number}",
            hostname=f"edge-{number}",
            address=f"10.11.{12 + number // 250}.{number % 250}",
            last_pull_at=now,
            served_version=0,
        )
        for number in range(count)
    )


@pytest.fixture
def operator(cast):
    """Somebody of acme who may see the nodes and nothing else."""
    return make.user("olga@acme.example", cast.acme, {"system": "read"})


def test_without_a_node_the_page_says_how_to_connect_one(client_for, operator):
    page = text_of(client_for(operator).get("/o/acme/nodes/"))
    assert page.count("No gateway has called yet") == 1
    assert page.count("Connect a gateway") == 1
    assert page.count('"connection_string": "http://testserver"') == 1


def test_the_page_lists_nodes_with_host_session_state_and_versions(client_for, operator):
    nodes(1)
    page = text_of(client_for(operator).get("/o/acme/nodes/"))
    assert page.count("edge-0 session session-0 ok 0 s ago pulled 0 s ago \N{EN DASH} 0 0 \N{EN DASH}") == 1


def test_the_list_says_since_when_a_silent_node_is_behind(client_for, operator):
    nodes(1)
    published = timezone.now() - timedelta(minutes=2)
    Node.objects.update(served_version=3, asked_at=published, last_ping_at=published + timedelta(minutes=1))
    page = text_of(client_for(operator).get("/o/acme/nodes/"))
    assert re.findall(r"(silent|behind) since \S+ \S+,", page) == ["silent", "behind"]


@pytest.mark.parametrize("count", [1, 3])
def test_both_pages_take_as_many_queries_for_one_node_as_for_three(
    client_for, cast, operator, django_assert_num_queries, count
):
    nodes(count)
    member, super_user = client_for(operator), client_for(cast.super_user)
    member.get("/"), super_user.get("/")  # the first request of a process also proves the isolation
    # savepoint, session, user, version, states of all nodes, nodes of the page, since when they are behind, their
    # control APIs, signal, release; three checks
    with django_assert_num_queries(14):
        member.get("/o/acme/nodes/")
    # and, for who may see traffic, organisations, whether one has any, in what time that must be said
    with django_assert_num_queries(20):
        super_user.get("/nodes/")


def hosts_on(answer):
    return re.findall(
        r'<th scope="row"><a class="cut" href="[^"]*" title="[^"]*">(edge-\d+)', answer.content.decode()
    )


def test_4000_nodes_are_paged_with_the_worst_first_and_counted_all(client_for, cast):
    nodes(4000)
    # However slow the machine is, none of them falls silent meanwhile.
    ahead = timezone.now() + timedelta(minutes=5)
    Node.objects.update(last_ping_at=ahead, last_beat_at=ahead)
    since = timezone.now() - timedelta(minutes=3)
    stuck = ["edge-1999", "edge-2999", "edge-3999", "edge-999"]
    Node.objects.filter(hostname__in=stuck).update(asked_at=since, served_version=None)
    Node.objects.filter(hostname="edge-5").update(last_ping_at=since, last_beat_at=since)
    client = client_for(cast.super_user)
    first = client.get("/nodes/")
    assert len(first.content) < 100_000  # 2.5 MB they were
    assert hosts_on(first)[:6] == [*stuck, "edge-5", "edge-0"]
    assert (len(hosts_on(first)), text_of(first).count("4000 nodes: 4 stuck 1 silent 3995 ok")) == (50, 1)
    assert text_of(first).count(" is stuck since ") == 3
    last = client.get("/nodes/?p=80")
    assert (len(hosts_on(last)), hosts_on(last)[-1], text_of(last).count(" is stuck since ")) == (
        50,
        "edge-998",
        0,
    )
    pages = [hosts_on(client.get(f"/nodes/?p={number}")) for number in (1, 2, 3, 80)]
    assert len({host for page in pages for host in page}) == 200
    assert ('href="?p=2"' in first.content.decode(), 'href="?p=79"' in last.content.decode()) == (True, True)


@pytest.mark.parametrize(("asked", "shown"), [("99", 1), ("2", 1), ("1", 50), ("", 50)])
def test_a_page_beyond_the_last_is_the_last(client_for, cast, asked, shown):
    nodes(51)
    assert len(hosts_on(client_for(cast.super_user).get(f"/nodes/?p={asked}"))) == shown


@pytest.mark.parametrize("asked", ["p=x", "p=0", "p=-3", "size=7", "sort=colour"])
def test_what_is_no_page_and_no_order_is_refused_by_name(client_for, cast, asked):
    answer = client_for(cast.super_user).get(f"/nodes/?{asked}")
    assert (answer.status_code, text_of(answer).count(f"{asked.partition('=')[0]}: ")) == (400, 1)


def test_nodes_are_sorted_and_paged_by_other_sizes(client_for, cast):
    nodes(30)
    now = timezone.now()
    Node.objects.filter(hostname="edge-7").update(registered_at=now - timedelta(days=3))
    Node.objects.filter(hostname="edge-8").update(asked_at=now - timedelta(minutes=3))
    client = client_for(cast.super_user)

    def hosts(query):
        return hosts_on(client.get(f"/nodes/?{query}"))

    by_name = sorted(f"edge-{number}" for number in range(30))
    assert hosts("sort=name") == by_name
    assert hosts("sort=-name") == by_name[::-1]
    assert (hosts("sort=known")[0], hosts("sort=-known")[-1]) == ("edge-7", "edge-7")
    assert (hosts("")[0], hosts("sort=-state")[-1]) == ("edge-8", "edge-8")
    assert (len(hosts("size=25")), len(hosts("size=25&p=2"))) == (25, 5)
    page = client.get("/nodes/?sort=name&size=25")
    assert (page.context["page"].position, page.context["page"].older) == (
        "1 to 25 of 30",
        "?sort=name&size=25&p=2",
    )
    assert [head.direction for head in page.context["heads"] if head.direction] == [
        "ascending",
        "none",
        "none",
    ]


def test_the_file_holds_every_node_and_addresses_only_for_super_users(client_for, operator, cast):
    nodes(60)
    [node] = Node.objects.filter(hostname="edge-0")
    header = [
        *("node", "session", "state", "advice", "last seen", "last pull", "served version"),
        *("wanted version", "known since", "tags", "requests a second", "behind since"),
        *("version", "confirmed version"),
    ]
    seen, known = (at.isoformat(timespec="seconds") for at in (node.last_ping_at, node.registered_at))
    line = ["edge-0", "session-0", "ok", "", seen, node.last_pull_at.isoformat(timespec="seconds"), "0", "0"]
    members = file_of(client_for(operator).get("/o/acme/nodes/?format=csv&sort=name"))
    assert (members[:2], len(members)) == ([header, [*line, known, *[""] * 5]], 61)
    supers = file_of(client_for(cast.super_user).get("/nodes/?format=csv&sort=name"))
    assert (supers[:2], len(supers)) == ([[*header, "address"], [*line, known, *[""] * 5, "10.11.12.0"]], 61)
    assert "nonce-canary" not in str(members + supers)
    assert client_for(cast.acme_member).get("/o/acme/nodes/?format=csv").status_code == 403
    assert client_for(cast.acme_admin).get("/nodes/?format=csv").status_code == 404


def test_a_check_list_ticks_what_has_come_and_says_what_to_do_about_the_rest(client_for, cast):
    ada, sue = client_for(cast.acme_admin), client_for(cast.super_user)

    def ticked(client, address):
        answer = client.get(address)
        assert answer.content.decode().count("data-every") == int(answer.context["waiting"])
        return [check.done for check in answer.context["checks"]]

    assert ticked(ada, "/o/acme/nodes/") == ticked(sue, "/nodes/") == [False] * 4
    assert text_of(sue.get("/nodes/")).count("401 is another node secret") == 1
    Node.objects.create(session_id="s", node_id="n")
    assert ticked(ada, "/o/acme/nodes/") == [True, False, False, False]
    nodes(1)
    keys.key(cast.globex, keys.api(cast.globex))
    assert (ticked(ada, "/o/acme/nodes/"), ticked(sue, "/nodes/")) == (
        [True, True, False, False],
        [True, True, True, False],
    )
    # Who may not see traffic is not told of it.
    assert (
        len(ticked(client_for(make.user("o@acme.example", cast.acme, {"system": "read"})), "/o/acme/nodes/"))
        == 3
    )


@pytest.mark.usefixtures("committed")
def test_a_check_list_for_another_gateway_ticks_only_for_what_came_since(client_for, cast, redis):
    ada, sue = client_for(cast.acme_admin), client_for(cast.super_user)
    nodes(2)
    before, since = timezone.now() - timedelta(minutes=5), timezone.now() - timedelta(minutes=2)
    Node.objects.update(registered_at=before)
    for org in (cast.acme, cast.globex):
        keys.key(org, keys.api(org))
    with scope.every_org():
        Key.objects.update(created_at=before)
    push(redis, {"OrgID": cast.acme.id, "TimeStamp": ago(minutes=5)})

    def shown(client, address, at=since):
        page = client.get(address, {"since": f"{at:%Y-%m-%dT%H:%M:%SZ}"})
        return [(check.done, check.which) for check in page.context["checks"]]

    assert [check.done for check in ada.get("/o/acme/nodes/").context["checks"]] == [True] * 4
    nothing = [(False, "")] * 4
    assert shown(ada, "/o/acme/nodes/") == shown(sue, "/nodes/") == nothing
    Node.objects.create(session_id="third", node_id="third", hostname="edge-third")
    assert shown(ada, "/o/acme/nodes/") == [(True, "edge-third"), *nothing[1:]]
    Node.objects.filter(session_id="third").update(last_pull_at=timezone.now())
    keys.key(cast.globex, keys.api(cast.globex, "More", path="/more/"))
    push(redis, {"OrgID": cast.globex.id, "TimeStamp": ago(seconds=1)})
    pulled = [(True, "edge-third")] * 2
    assert shown(ada, "/o/acme/nodes/") == [*pulled, (False, ""), (False, "")]
    assert shown(sue, "/nodes/") == [*pulled, (True, ""), (True, "")]
    page = text_of(sue.get("/nodes/", {"since": f"{since:%Y-%m-%dT%H:%M:%SZ}"}))
    assert page.count("A gateway has registered (done: edge-third)") == 1
    Node.objects.bulk_create(Node(session_id=name, node_id=name, hostname=name) for name in "abc")
    assert shown(sue, "/nodes/")[0] == (True, "edge-third, a, b and others")


def test_the_time_of_another_gateway_stands_in_the_address(client_for, operator):
    client = client_for(operator)
    nodes(30)
    now = client.get("/o/acme/nodes/?since=now")
    assert re.fullmatch(r"/o/acme/nodes/\?since=20\d\d-\d\d-\d\dT[\d%A]+Z#connect", now.url)
    page = client.get(now.url)
    assert re.search(r"\?[^\"]*since=20[^\"]*sort=name|\?sort=name[^\"]*since=20", page.content.decode())
    for wrong in ("yesterday", "2001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59Z"):
        assert client.get("/o/acme/nodes/", {"since": wrong}).status_code == 400
    assert client.get("/o/acme/nodes/", {"since": f"{timezone.now():%Y-%m-%dT%H:%M:%S}"}).status_code == 400


def test_a_stuck_node_comes_first_with_since_when_and_what_to_do(client_for, operator):
    nodes(2)
    since = timezone.now() - timedelta(minutes=3)
    Node.objects.filter(hostname="edge-1").update(asked_at=since, served_version=None)
    page = text_of(client_for(operator).get("/o/acme/nodes/"))
    advice = "It beats but loads no changes: restart this gateway. It goes on serving what it has."
    assert page.count(f"edge-1 is stuck since {since:%-d %b %Y, %H:%M:%S} UTC . {advice}") == 1
    assert page.index(f"edge-1 session session-1 stuck since {since:%-d %b, %H:%M:%S} UTC") < page.index(
        "edge-0 session session-0 ok"
    )


def test_a_node_not_heard_of_for_a_day_is_left_out(client_for, operator):
    nodes(2)
    long_ago = timezone.now() - timedelta(hours=25)
    Node.objects.filter(hostname="edge-0").update(last_ping_at=long_ago, last_beat_at=long_ago)
    page = text_of(client_for(operator).get("/o/acme/nodes/"))
    assert (page.count("edge-0"), page.count("edge-1")) == (0, 1)


def test_times_are_in_the_zone_of_the_organisation(client_for, operator, cast):
    cast.acme.time_zone = "Asia/Tokyo"
    cast.acme.save()
    nodes(1)
    Node.objects.update(registered_at="2026-11-25T20:30:00Z")
    page = text_of(client_for(operator).get("/o/acme/nodes/"))
    assert page.count("26 Nov 2026, 05:30 JST") == 1


def test_held_back_signals_are_explained(client_for, operator):
    nodes(1)
    NodeSignal.objects.create(trouble="the feed is answered 503", trouble_at=timezone.now())
    page = text_of(client_for(operator).get("/o/acme/nodes/"))
    assert page.count("Gateways are not told to reload at the moment: the feed is answered 503.") == 1


def test_a_signal_that_nobody_heard_is_explained(client_for, operator):
    nodes(1)
    NodeSignal.objects.create(sent_at=timezone.now(), version=0, receivers=0)
    client, explanation = client_for(operator), "Nobody heard the last reload signal."
    assert text_of(client.get("/o/acme/nodes/")).count(explanation) == 1
    NodeSignal.objects.update(receivers=1)
    assert text_of(client.get("/o/acme/nodes/")).count(explanation) == 0
    # A gateway that came after the signal could not hear it, and has pulled what it was about.
    NodeSignal.objects.update(receivers=0, sent_at=timezone.now() - timedelta(hours=1))
    assert text_of(client.get("/o/acme/nodes/")).count(explanation) == 0
    NodeSignal.objects.update(receivers=1, sent_at=timezone.now())
    # Where every gateway is silent there is nobody to hear it.
    NodeSignal.objects.update(receivers=0)
    Node.objects.update(last_ping_at=timezone.now() - timedelta(minutes=1))
    assert text_of(client.get("/o/acme/nodes/")).count(explanation) == 0


def test_super_users_see_which_nodes_use_the_former_secret(client_for, operator, cast, settings):
    nodes(2)
    fleet, former = client_for(cast.super_user), Node.objects.filter(hostname="edge-1")

    def shown():
        page = text_of(fleet.get("/nodes/"))
        return page.count("1 node uses the former node secret."), page.count("NODE_SECRET_FORMER")

    assert shown() == (0, 0)
    settings.NODE_SECRET_FORMER = "the-former-node-secret"
    assert shown() == (0, 1)
    former.update(by_former_secret=True)
    assert shown() == (1, 0)
    pages = [fleet.get("/nodes/"), client_for(operator).get("/o/acme/nodes/")]
    # Of the callout and of the row.
    assert [text_of(page).count("former") for page in pages] == [2, 0]
    assert [page for page in pages if "the-former-node-secret" in page.content.decode()] == []


def test_no_page_shows_the_node_secret_a_nonce_or_the_password_of_redis(client_for, operator, cast, settings):
    settings.REDIS_URL = "redis://user:redis-canary@cache.example:6390/3"
    nodes(1)
    for answer in (client_for(operator).get("/o/acme/nodes/"), client_for(cast.super_user).get("/nodes/")):
        canaries = (settings.NODE_SECRET, "nonce-canary", "redis-canary")
        assert [canary for canary in canaries if canary in answer.content.decode()] == []


def test_addresses_of_the_installation_are_for_super_users(client_for, operator, cast, settings):
    settings.REDIS_URL = "redis://cache.example:6390/3"
    nodes(1)
    member = client_for(operator).get("/o/acme/nodes/").content.decode()
    super_user = client_for(cast.super_user).get("/nodes/").content.decode()
    for text in ("10.11.12.0", "cache.example"):
        assert (text in member, text in super_user) == (False, True)


def test_the_fleet_is_for_super_users_and_the_nodes_page_for_who_may_read_system(client_for, cast, operator):
    expected = [
        (operator, "/o/acme/nodes/", 200),
        (operator, "/nodes/", 404),
        (cast.acme_admin, "/o/acme/nodes/", 200),
        (cast.acme_admin, "/nodes/", 404),
        (cast.acme_member, "/o/acme/nodes/", 403),
        (cast.globex_admin, "/o/acme/nodes/", 404),
        (cast.super_user, "/o/acme/nodes/", 200),
        (cast.super_user, "/nodes/", 200),
        (None, "/nodes/", 302),
    ]
    got = [(user, path, client_for(user).get(path).status_code) for user, path, _ in expected]
    assert got == expected


def test_what_a_gateway_says_of_itself_cannot_become_markup(client_for, cast):
    Node.objects.create(session_id="<script>1", node_id="n", nonce="n", hostname="<script>2</script>")
    page = client_for(cast.super_user).get("/nodes/").content.decode()
    assert (page.count("<script>"), page.count("&lt;script&gt;")) == (0, 4)
