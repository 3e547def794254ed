import re
from concurrent.futures import ThreadPoolExecutor
from html import unescape
from urllib.parse import quote

import pytest
from django.contrib.sessions.models import Session
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext

from keys.keys import lifecycle
from keys.keys.token import token_hash
from keys.models import Key, KeyPolicy
from keys.policies import lifecycle as policy_lifecycle
from orgs import scope
from orgs.models import User
from tests.keys import build
from tests.keys.policies import build as policies


@pytest.fixture
def orders(cast):
    return build.api(cast.acme, "Orders")


@pytest.fixture
def acme(cast, client_for):
    return client_for(cast.acme_admin)


def fields(page):
    """What a browser would send of the form on a page, untouched text fields and hidden ones."""
    text = page.content.decode()
    found = {}
    for tag in re.findall(r"<input[^>]*>", text):
        name, kind = re.search(r'name="([^"]*)"', tag), re.search(r'type="([^"]*)"', tag)
        if name and kind and kind[1] in ("hidden", "text", "number", "datetime-local"):
            value = re.search(r'value="([^"]*)"', tag)
            found[name[1]] = value[1] if value else ""
    return found


def without_csrf(page):
    return re.sub(r'name="csrfmiddlewaretoken" value="[^"]*"', "", page.content.decode())


def keys_of(org):
    with scope.org(org.id):
        return list(Key.objects.order_by("created_at", "id"))


def token_on(page):
    [text] = re.findall(r'id="token"[^>]*>([^<]+)<', page.content.decode())
    return text


def test_a_new_key_is_shown_once_and_a_reload_does_not_show_it_again(cast, acme, orders):
    sent = fields(acme.get("/o/acme/keys/new/")) | {"alias": "Partner", "access_rights": orders.api_id}
    once = acme.post("/o/acme/keys/new/", sent)
    [made] = keys_of(cast.acme)
    text = token_on(once)
    assert (once.status_code, once["Cache-Control"], token_hash(text)) == (200, "no-store", made.token_hash)
    curl = f"curl http://gateway.example:8080/acme/orders/ \\\n  --header 'Authorization: {text}'"
    assert curl in unescape(once.content.decode())
    again = acme.post("/o/acme/keys/new/", sent)
    assert (again.status_code, again["Location"]) == (302, f"/o/acme/keys/{made.id}/")
    assert text not in acme.get(again["Location"]).content.decode()
    assert [each.id for each in keys_of(cast.acme)] == [made.id]
    assert build.waiting(cast.acme) == [("key", made.id)]


def test_a_token_is_not_kept_in_the_session(cast, acme, orders):
    text = token_on(acme.post("/o/acme/keys/new/", {"all_apis": "on"}))
    [session] = Session.objects.all()
    assert text not in str(session.get_decoded())


def test_a_form_sent_ten_times_at_once_makes_one_key(committed, cast, client_for):
    orders = build.api(cast.acme, "Orders")
    browser = client_for(cast.acme_admin)
    sent = fields(browser.get("/o/acme/keys/new/")) | {"access_rights": orders.api_id}

    def send(_):
        tab = client_for(None)
        tab.cookies.load({name: morsel.value for name, morsel in browser.cookies.items()})
        try:
            answer = tab.post("/o/acme/keys/new/", sent)
            return answer.get("Location") or token_hash(token_on(answer))
        finally:
            connections.close_all()

    with ThreadPoolExecutor(10) as pool:
        answers = sorted(pool.map(send, range(10)))
    [made] = keys_of(cast.acme)
    assert answers == sorted([made.token_hash, *[f"/o/acme/keys/{made.id}/"] * 9])


@pytest.mark.parametrize("what", ["nothing", "foreign", "unknown", "own and foreign"])
def test_rights_that_may_not_be_given_are_refused_on_the_page_and_nothing_is_stored(cast, acme, orders, what):
    foreign = build.api(cast.globex)
    rights = {
        "nothing": [],
        "foreign": [foreign.api_id],
        "unknown": ["zzzz"],
        "own and foreign": [orders.api_id, foreign.api_id],
    }[what]
    answer = acme.post("/o/acme/keys/new/", {"alias": "x", "access_rights": rights})
    assert answer.status_code == 400
    with scope.every_org():
        assert Key.objects.count() == 0
    assert build.waiting(cast.acme) == []


AUTH = {
    "header": ({"auth_header_name": "X-Key"}, " \\\n  --header 'X-Key: {token}'"),
    "parameter": ({"use_param": True, "param_name": "k"}, "?k={quoted}"),
    "cookie": ({"use_cookie": True, "cookie_name": "k"}, " \\\n  --cookie k={token}"),
}


@pytest.mark.parametrize("place", AUTH)
def test_the_command_with_a_new_key_puts_it_where_the_api_looks_for_it(cast, acme, place):
    auth, expected = AUTH[place]
    build.api(cast.acme, "A keyless one", use_keyless=True)
    orders = build.api(cast.acme, "Orders", auth=auth)
    once = acme.post("/o/acme/keys/new/", {"all_apis": "on"})
    text = token_on(once)
    filled = expected.format(token=text, quoted=quote(text, safe=""))
    end = "'" if place == "parameter" else ""
    assert f"curl {end}http://gateway.example:8080{orders.listen_path}{filled}{end}<" in unescape(
        once.content.decode()
    )


def test_a_strangers_api_is_not_even_offered(cast, acme, orders):
    foreign = build.api(cast.globex, "Globex secrets")
    page = acme.get("/o/acme/keys/new/").content.decode()
    assert (orders.api_id in page, foreign.api_id in page, "Globex secrets" in page) == (True, False, False)


def test_an_edit_changes_the_key_and_not_its_token(cast, acme, orders):
    returns = build.api(cast.acme, "Returns")
    made, _ = build.key(cast.acme, orders, alias="old", rate=5, per=1)
    page = acme.get(f"/o/acme/keys/{made.id}/edit/")
    assert fields(page)["rate"] == "5"
    answer = acme.post(
        f"/o/acme/keys/{made.id}/edit/", fields(page) | {"alias": "new", "access_rights": returns.api_id}
    )
    assert (answer.status_code, answer["Location"]) == (302, f"/o/acme/keys/{made.id}/")
    kept = build.again(made)
    assert (kept.alias, kept.rate, kept.token_hash) == ("new", 5, made.token_hash)


def test_an_edit_with_a_strangers_api_leaves_everything_as_it_was(cast, acme, orders):
    foreign = build.api(cast.globex)
    made, _ = build.key(cast.acme, orders, alias="old")
    answer = acme.post(f"/o/acme/keys/{made.id}/edit/", {"alias": "new", "access_rights": foreign.api_id})
    assert (answer.status_code, build.again(made).alias) == (400, "old")


def test_of_two_edits_of_the_same_page_the_second_is_refused(cast, acme, orders):
    made, _ = build.key(cast.acme, orders, alias="old")
    page = fields(acme.get(f"/o/acme/keys/{made.id}/edit/")) | {"access_rights": orders.api_id}
    first = acme.post(f"/o/acme/keys/{made.id}/edit/", page | {"alias": "first"})
    second = acme.post(f"/o/acme/keys/{made.id}/edit/", page | {"alias": "second"})
    assert (first.status_code, second.status_code, build.again(made).alias) == (302, 409, "first")
    # The answer to the second shows both, and sends his on top if he says so.
    assert differences_on(second) == [("alias", "first", "second")]
    assert f"<code>key.changed</code> by {cast.acme_admin.email}" in second.content.decode()
    third = acme.post(f"/o/acme/keys/{made.id}/edit/", fields(second) | {"access_rights": orders.api_id})
    assert (third.status_code, build.again(made).alias) == (302, "second")


def differences_on(page):
    cell = r'<td class="wrap mono" data-label="[^"]*">(.*?)</td>'
    return re.findall(rf'<tr><th scope="row">(.*?)</th>{cell}{cell}</tr>', page.content.decode())


def test_an_edit_that_was_refused_still_knows_what_was_seen_when_it_began(cast, acme, orders):
    made, _ = build.key(cast.acme, orders, alias="old")
    page = fields(acme.get(f"/o/acme/keys/{made.id}/edit/")) | {"access_rights": orders.api_id}
    acme.post(f"/o/acme/keys/{made.id}/edit/", page | {"alias": "first"})
    refused = acme.post(f"/o/acme/keys/{made.id}/edit/", page | {"alias": "second", "rate": "-7"})
    again = fields(refused) | {"access_rights": orders.api_id, "rate": "7", "per": "1"}
    assert (refused.status_code, again["seen"]) == (400, page["seen"])
    assert acme.post(f"/o/acme/keys/{made.id}/edit/", again).status_code == 409


@pytest.mark.parametrize(
    ("path", "form", "state"),
    [("suspension/", {"suspended": "true"}, "suspended"), ("revocation/", {}, "revoked")],
)
def test_whoever_looks_at_an_older_key_is_asked_before_it_is_suspended_or_revoked(
    acme, orders, path, form, state
):
    made, _ = build.key(orders.org, orders, alias="old")
    page = f"/o/acme/keys/{made.id}/{path}"
    seen = fields(acme.get(page))["seen"]
    edit = fields(acme.get(f"/o/acme/keys/{made.id}/edit/")) | {
        "access_rights": orders.api_id,
        "alias": "new",
    }
    assert acme.post(f"/o/acme/keys/{made.id}/edit/", edit).status_code == 302
    asked = acme.post(f"/o/acme/keys/{made.id}/{path}", {"seen": seen, **form})
    assert (asked.status_code, build.again(made).state()) == (409, "active")
    assert f"<h2>Not {state}: the key changed meanwhile</h2>" in asked.content.decode()
    done = acme.post(f"/o/acme/keys/{made.id}/{path}", {**fields(asked), **form})
    assert (done.status_code, build.again(made).state()) == (302, state)


@pytest.mark.parametrize("path", ["edit/", "suspension/", "revocation/"])
@pytest.mark.parametrize("seen", [{}, {"seen": "x"}, {"seen": "-1"}, {"seen": "9" * 30}])
def test_a_form_that_does_not_say_what_was_seen_is_refused_and_names_the_field(
    cast, acme, orders, path, seen
):
    made, _ = build.key(cast.acme, orders, alias="old")
    form = {"alias": "new", "all_apis": "on", "suspended": "true", **seen}
    answer = acme.post(f"/o/acme/keys/{made.id}/{path}", form)
    kept = build.again(made)
    assert (answer.status_code, kept.alias, kept.state()) == (400, "old", "active")
    assert "<p>seen: " in answer.content.decode()


def test_a_key_is_suspended_and_resumed(cast, acme, orders):
    made, _ = build.key(cast.acme, orders)
    for asked, state in (("true", "suspended"), ("false", "active")):
        page = f"/o/acme/keys/{made.id}/{'suspension/' if asked == 'true' else ''}"
        sent = {"suspended": asked, "seen": fields(acme.get(page))["seen"]}
        answer = acme.post(f"/o/acme/keys/{made.id}/suspension/", sent)
        assert (answer.status_code, build.again(made).state()) == (302, state)
    maybe = acme.post(f"/o/acme/keys/{made.id}/suspension/", {"suspended": "maybe", "seen": 1})
    assert maybe.status_code == 400
    assert acme.get(f"/o/acme/keys/{made.id}/suspension/").status_code == 200


def test_a_revocation_is_asked_for_and_then_done_for_good(cast, acme, orders):
    made, _ = build.key(cast.acme, orders)
    assert "Orders" in acme.get(f"/o/acme/keys/{made.id}/revocation/").content.decode()
    assert build.again(made).state() == "active"
    assert acme.post(f"/o/acme/keys/{made.id}/revocation/", {"seen": 1}).status_code == 302
    assert build.again(made).state() == "revoked"
    statuses = [
        acme.get(f"/o/acme/keys/{made.id}/").status_code,
        acme.get(f"/o/acme/keys/{made.id}/edit/").status_code,
        acme.get(f"/o/acme/keys/{made.id}/revocation/").status_code,
        acme.post(f"/o/acme/keys/{made.id}/revocation/", {"seen": 1}).status_code,
        acme.post(f"/o/acme/keys/{made.id}/suspension/", {"suspended": "false", "seen": 2}).status_code,
    ]
    assert (statuses, build.again(made).state()) == ([200, 404, 404, 302, 302], "revoked")


def test_a_key_revoked_by_eight_at_once_is_revoked_once_and_no_one_meets_an_error(
    committed, cast, client_for, rest
):
    made, _ = build.key(cast.acme, build.api(cast.acme))
    browser, machine = client_for(cast.acme_admin), rest(cast.acme_admin)

    def revoke(turn):
        try:
            if turn % 2:
                return machine.delete(f"/api/keys/{made.token_hash}").status_code
            return browser.post(f"/o/acme/keys/{made.id}/revocation/", {"seen": 1}).status_code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(revoke, range(8)))
    assert set(statuses[::2]) == {302}
    assert set(statuses[1::2]) <= {200, 404}
    assert build.waiting(cast.acme) == [("key", made.id), ("key-removed", made.id)]


@pytest.mark.parametrize("path", ["", "edit/", "revocation/"])
def test_a_strangers_key_answers_like_a_missing_one(cast, acme, orders, path):
    foreign, _ = build.key(cast.globex, build.api(cast.globex), alias="Globex partner")
    strange = acme.get(f"/o/acme/keys/{foreign.id}/{path}")
    missing = acme.get(f"/o/acme/keys/{'f' * 24}/{path}")
    assert (strange.status_code, missing.status_code) == (404, 404)
    assert strange.content.replace(foreign.id.encode(), b"") == missing.content.replace(b"f" * 24, b"")


@pytest.mark.parametrize("path", ["suspension/", "revocation/", "edit/"])
def test_a_strangers_key_cannot_be_changed(cast, acme, path):
    foreign, _ = build.key(cast.globex, build.api(cast.globex), alias="theirs")
    answer = acme.post(f"/o/acme/keys/{foreign.id}/{path}", {"suspended": "true", "all_apis": "on"})
    kept = build.again(foreign)
    assert (answer.status_code, kept.state(), kept.alias) == (404, "active", "theirs")


@pytest.mark.parametrize("key_id", ["%00", "F" * 24, "x", "1" * 25, "'"])
def test_what_is_no_key_id_is_not_found(acme, key_id):
    assert acme.get(f"/o/acme/keys/{key_id}/").status_code == 404


def test_reading_alone_shows_no_way_to_write(cast, client_for, orders):
    made, _ = build.key(cast.acme, orders)
    User.everyone.filter(pk=cast.acme_member.pk).update(permissions={"keys": "read"})
    reader = client_for(User.everyone.get(pk=cast.acme_member.pk))
    page = reader.get(f"/o/acme/keys/{made.id}/").content.decode()
    assert ("Revoke" in page, "Edit" in page, "Suspend" in page) == (False, False, False)
    assert [
        reader.get(f"/o/acme/keys/{path}").status_code
        for path in ("", "new/", f"{made.id}/edit/", f"{made.id}/revocation/")
    ] == [200, 403, 403, 403]
    assert reader.post("/o/acme/keys/new/", {"all_apis": "on"}).status_code == 403


def listed(answer):
    return re.findall(r'/o/acme/keys/[0-9a-f]{24}/"[^>]*>([^<]*)</a>', answer.content.decode())


def test_a_list_without_keys_offers_no_filters_unless_it_is_one_that_found_nothing(acme):
    addresses = ("", "?q=nobody", "?api_query=x")
    assert ['class="filters"' in acme.get(f"/o/acme/keys/{each}").content.decode() for each in addresses] == [
        False,
        True,
        True,
    ]


def test_the_list_finds_by_name_owner_and_hash_and_filters_by_state_and_api(cast, acme, orders):
    returns = build.api(cast.acme, "Returns")
    build.key(cast.acme, orders, alias="Partner", owner="Ann")
    everything, _ = build.key(cast.acme, alias="Everything")
    build.key(cast.acme, returns, alias="Paused", suspended=True)
    gone, _ = build.key(cast.acme, returns, alias="Gone")
    with scope.org(cast.acme.id), transaction.atomic():
        lifecycle.revoke(gone)
    build.key(cast.globex, build.api(cast.globex), alias="Partner of Globex")
    answers = {
        query: listed(acme.get(f"/o/acme/keys/?{query}"))
        for query in (
            "",
            "q=part",
            "q=ANN",
            f"q={everything.token_hash[:10]}",
            "q=%25",
            "state=active",
            "state=suspended",
            "state=revoked",
            "state=expired",
            f"api={orders.api_id}",
            f"api={returns.api_id}&state=suspended",
        )
    }
    assert answers == {
        "": ["Gone", "Paused", "Everything", "Partner"],
        "q=part": ["Partner"],
        "q=ANN": ["Partner"],
        f"q={everything.token_hash[:10]}": ["Everything"],
        "q=%25": [],
        "state=active": ["Everything", "Partner"],
        "state=suspended": ["Paused"],
        "state=revoked": ["Gone"],
        "state=expired": [],
        f"api={orders.api_id}": ["Everything", "Partner"],
        f"api={returns.api_id}&state=suspended": ["Paused"],
    }


@pytest.mark.parametrize("query", ["state=odd", "api=zzzz", "q=%00", "q=" + "x" * 201])
def test_a_filter_that_cannot_be_is_refused(acme, orders, query):
    assert acme.get(f"/o/acme/keys/?{query}").status_code == 400


def test_a_strangers_api_as_filter_is_refused_like_one_that_does_not_exist(cast, acme, orders):
    foreign = build.api(cast.globex)
    strange, missing = acme.get(f"/o/acme/keys/?api={foreign.api_id}"), acme.get("/o/acme/keys/?api=zzzz")
    assert without_csrf(strange).replace(foreign.api_id, "zzzz") == without_csrf(missing)


def test_the_list_is_paged_by_its_order_and_sorted_both_ways(cast, acme, orders):
    for number in range(30):
        build.key(cast.acme, orders, alias=f"Key {number:02}")
    names = [f"Key {number:02}" for number in range(30)]
    for query, order in {
        "": names[::-1],
        "&sort=-created": names[::-1],
        "&sort=created": names,
        "&sort=name": names,
        "&sort=-name": names[::-1],
    }.items():
        first = acme.get(f"/o/acme/keys/?size=25{query}")
        [older] = re.findall(r'href="([^"]*)" rel="next"', first.content.decode())
        second = acme.get(f"/o/acme/keys/{unescape(older)}")
        assert (listed(first), listed(second)) == (order[:25], order[25:])
        assert ("1 to 25 of 30" in first.content.decode(), "26 to 30 of 30" in second.content.decode()) == (
            True,
            True,
        )


@pytest.mark.parametrize("query", ["size=7", "after=x", "before=[1,2]", "last=1&after=[]"])
def test_a_page_that_cannot_be_is_refused(acme, orders, query):
    assert acme.get(f"/o/acme/keys/?{query}").status_code == 400


def test_the_csv_holds_what_the_filter_shows_and_no_formula(cast, acme, orders):
    made, _ = build.key(cast.acme, orders, alias="=cmd", owner="Ann")
    everything, _ = build.key(cast.acme, alias="Everything")
    build.key(cast.globex, build.api(cast.globex), alias="Globex")
    answer = acme.get("/o/acme/keys/?format=csv")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.getvalue().decode("utf-8-sig").splitlines() == [
        "id,name,owner,hash,state,APIs,policies,expires,created,delivered",
        f"{everything.id},Everything,,{everything.token_hash},active,all,,,{everything.created_at.isoformat()},no",
        f"{made.id},'=cmd,Ann,{made.token_hash},active,{orders.api_id},,,{made.created_at.isoformat()},no",
    ]
    assert acme.get("/o/acme/keys/?format=csv&q=cmd").getvalue().decode().count("\n") == 2
    for sort, ids in (("name", [made.id, everything.id]), ("created", [made.id, everything.id])):
        lines = acme.get(f"/o/acme/keys/?format=csv&sort={sort}").getvalue().decode().splitlines()[1:]
        assert [line.split(",")[0] for line in lines] == ids


def test_an_empty_list_says_what_to_do_next(cast, acme):
    assert "create an API first" in acme.get("/o/acme/keys/").content.decode()
    build.api(cast.acme)
    assert 'href="/o/acme/keys/new/">New key' in acme.get("/o/acme/keys/").content.decode()


@pytest.mark.parametrize("path", ["", "?format=csv"])
def test_the_list_costs_the_same_queries_for_one_key_and_for_three(cast, acme, orders, path):
    acme.get("/o/acme/keys/")  # the first request of a process has the database proved
    counts = []
    for more in (1, 2):
        for _ in range(more):
            build.key(cast.acme, orders)
        with CaptureQueriesContext(connection) as queries:
            b"".join(acme.get(f"/o/acme/keys/{path}"))
        counts.append(len(queries))
    # The file is read in a transaction of its own, here a savepoint.
    assert counts == {"": [16, 16], "?format=csv": [11, 11]}[path]


def test_a_super_user_in_an_organisation_makes_keys_of_that_organisation(cast, client_for, orders):
    platform = client_for(cast.super_user)
    platform.post("/o/acme/keys/new/", {"all_apis": "on"})
    [made] = keys_of(cast.acme)
    assert (made.org_id, made.created_by) == (cast.acme.id, "sue@platform.example")
    assert platform.get(f"/o/globex/keys/{made.id}/").status_code == 404


def test_the_page_says_whether_gateways_have_the_key(cast, acme, orders, redis):
    made, _ = build.key(cast.acme, orders)
    assert "not yet delivered" in acme.get(f"/o/acme/keys/{made.id}/").content.decode()
    build.deliver(redis)
    assert "not yet delivered" not in acme.get(f"/o/acme/keys/{made.id}/").content.decode()


def test_the_admin_shows_keys_to_super_users_and_lets_nobody_change_them(cast, client_for, acme, orders):
    made, _ = build.key(cast.acme, orders, alias="Partner")
    build.key(cast.globex, build.api(cast.globex), alias="Of Globex")
    platform = client_for(cast.super_user)
    listing = platform.get("/django-admin/keys/key/").content.decode()
    assert ("Partner" in listing, "Of Globex" in listing) == (True, True)
    shown = platform.get(f"/django-admin/keys/key/{made.id}/change/")
    assert (shown.status_code, made.cache_key in shown.content.decode()) == (200, False)
    refused = [
        platform.post(f"/django-admin/keys/key/{made.id}/change/", {"alias": "x"}).status_code,
        platform.post(f"/django-admin/keys/key/{made.id}/delete/", {"post": "yes"}).status_code,
        platform.get("/django-admin/keys/key/add/").status_code,
        acme.get("/django-admin/keys/key/").status_code,
    ]
    assert (refused, build.again(made).alias) == ([403, 403, 403, 404], "Partner")


@pytest.mark.parametrize("verb", ["edit/", "suspension/", "revocation/"])
def test_a_delivered_key_that_was_changed_while_redis_is_away_says_so_on_its_page(
    cast, acme, orders, redis, verb
):
    made, _ = build.key(cast.acme, orders, alias="old")
    build.deliver(redis)
    pages = [f"/o/acme/keys/{made.id}/", "/o/acme/keys/"]
    assert ["not yet delivered" in acme.get(page).content.decode() for page in pages] == [False, False]
    form = {"seen": 1, "alias": "new", "access_rights": orders.api_id, "suspended": "true"}
    assert acme.post(f"/o/acme/keys/{made.id}/{verb}", form).status_code == 302
    assert ["not yet delivered" in acme.get(page).content.decode() for page in pages] == [True, True]
    build.deliver(redis)
    assert ["not yet delivered" in acme.get(page).content.decode() for page in pages] == [False, False]


PAGES = {
    "keys/new/": 7,
    "keys/{}/": 15,
    "keys/{}/edit/": 9,
    "keys/{}/revocation/": 15,
    "keys/{}/suspension/": 13,
}


@pytest.mark.parametrize("path", PAGES)
def test_a_page_about_a_key_costs_the_same_queries_for_one_api_and_for_five(cast, acme, path):
    apis, counts = [], []
    for number in range(5):
        apis.append(build.api(cast.acme, f"API {number}"))
        made, _ = build.key(cast.acme, *apis)
        address = f"/o/acme/{path.format(made.id)}"
        acme.get(address)  # the first request of a process has the database proved
        with CaptureQueriesContext(connection) as queries:
            assert acme.get(address).status_code == 200
        counts.append(len(queries))
        assert "definition_text" not in "".join(query["sql"] for query in queries)
    assert counts == [PAGES[path]] * 5


def detail(client, made):
    return client.get(f"/o/acme/keys/{made.id}/")


def text_of(page):
    return " ".join(unescape(re.sub("<[^>]*>", " ", page.content.decode())).split())


def test_a_key_is_made_by_policies_on_the_page_and_the_page_says_what_results(cast, acme, orders):
    gold = policies.policy(cast.acme, orders, name="Gold <b>")
    policies.policy(cast.acme, name="Slow")
    page = acme.get("/o/acme/keys/new/")
    assert [text in text_of(page) for text in ("Gold <b>", "Slow limits only")] == [True, True]
    sent = fields(page) | {"alias": "Partner", "apply_policies": gold.id}
    assert acme.post("/o/acme/keys/new/", sent).status_code == 200
    [made] = keys_of(cast.acme)
    said = text_of(detail(acme, made))
    assert "Orders /acme/orders/ 10 requests in 60 s by Gold <b> unlimited Gold <b>" in said
    assert "rights of its own" not in said
    assert "not yet delivered Gold <b> never" in text_of(acme.get("/o/acme/keys/"))
    row = acme.get("/o/acme/keys/?format=csv").getvalue().decode().splitlines()[1].split(",")
    assert row[5:7] == ["", gold.policy_id]


def test_own_rights_beside_policies_are_said_to_have_no_effect(cast, acme, orders):
    returns = build.api(cast.acme, "Returns")
    gold, slow = policies.policy(cast.acme, orders), policies.policy(cast.acme, name="Slow")
    sent = fields(acme.get("/o/acme/keys/new/")) | {
        "apply_policies": [slow.id, gold.id],
        "access_rights": [returns.api_id],
    }
    acme.post("/o/acme/keys/new/", sent)
    [made] = keys_of(cast.acme)
    page = detail(acme, made)
    assert "The key also has rights of its own, to 1 API. They have no effect" in text_of(page)
    assert [api.name for api, _ in page.context["results"]] == ["Orders"]
    assert "Slow Gold never" in text_of(acme.get("/o/acme/keys/"))


def test_where_gateways_differ_or_refuse_a_key_its_page_says_so(cast, acme, orders):
    gold = policies.policy(cast.acme, orders, partitions={"acl": True})
    each = policies.policy(cast.acme, orders, name="Each", partitions={"per_api": True})
    for given in ([gold.id], [each.id, gold.id]):
        sent = fields(acme.get("/o/acme/keys/new/")) | {"apply_policies": given, "rate": "5", "per": "1"}
        assert acme.post("/o/acme/keys/new/", sent).status_code == 200
    _, mixed = keys_of(cast.acme)
    assert "Gateways of 5.x refuse this key: one policy has limits per API" in text_of(detail(acme, mixed))


def test_an_edit_shows_the_policies_a_key_has_keeps_their_order_and_takes_them_away(cast, acme, orders):
    gold, slow = policies.policy(cast.acme, orders), policies.policy(cast.acme, name="Slow")
    spec = lifecycle.KeySpec(policies=(slow.id, gold.id))
    made, _ = build.inside(cast.acme, lifecycle.create, cast.acme.id, spec, created_by="test")
    path = f"/o/acme/keys/{made.id}/edit/"
    page = acme.get(path)
    assert page.content.decode().count("checked") == 2
    sent = fields(page) | {"apply_policies": [gold.id, slow.id]}
    acme.post(path, sent | {"alias": "renamed"})
    assert build.changes(cast.acme, "key.changed") == {"alias": ["", "renamed"]}
    sent = fields(acme.get(path)) | {"apply_policies": [], "access_rights": orders.api_id}
    assert acme.post(path, sent).status_code == 302
    with scope.org(cast.acme.id):
        assert KeyPolicy.objects.count() == 0


def test_a_draft_is_offered_to_nobody_but_a_key_that_has_it(cast, acme, orders):
    gold = policies.policy(cast.acme, orders)
    spec = lifecycle.KeySpec(policies=(gold.id,))
    made, _ = build.inside(cast.acme, lifecycle.create, cast.acme.id, spec, created_by="test")
    draft = policies.document("Gold", orders, state="draft")
    build.inside(cast.acme, policy_lifecycle.change, gold, draft, author=None)
    new = acme.get("/o/acme/keys/new/")
    assert gold.id not in new.content.decode()
    refused = acme.post("/o/acme/keys/new/", fields(new) | {"apply_policies": gold.id})
    assert refused.status_code == 400
    path = f"/o/acme/keys/{made.id}/edit/"
    assert "Gold draft" in text_of(acme.get(path))
    assert acme.post(path, fields(acme.get(path)) | {"apply_policies": gold.id}).status_code == 302


@pytest.mark.parametrize("what", ["foreign", "missing", "limits", "many", "null"])
def test_policies_that_may_not_be_given_are_refused_on_the_page_and_nothing_is_stored(
    cast, acme, orders, what
):
    slow = policies.policy(cast.acme, name="Slow")
    foreign = policies.policy(cast.globex, build.api(cast.globex))
    given = {
        "foreign": [foreign.id],
        "missing": ["f" * 24],
        "limits": [slow.id],
        "many": [f"p{number}" for number in range(21)],
        "null": ["\0"],
    }[what]
    page = acme.get("/o/acme/keys/new/")
    assert foreign.name not in page.content.decode() or foreign.id not in page.content.decode()
    answer = acme.post(
        "/o/acme/keys/new/", fields(page) | {"apply_policies": given, "access_rights": orders.api_id}
    )
    assert (answer.status_code, list(answer.context["form"].errors)) == (400, ["apply_policies"])
    assert keys_of(cast.acme) == []


def test_many_policies_are_searched_beside_the_apis_with_all_that_was_typed(cast, acme, orders):
    made = [policies.policy(cast.acme, orders, name=f"Policy zq{number:02}") for number in range(25)]
    sent = {"alias": "x", "apply_policies": [made[0].id], "find": "yes", "policy_query": "policy zq24"}
    page = acme.post("/o/acme/keys/new/", sent).content.decode()
    assert [f'value="{each.id}"' in page for each in (made[0], made[1], made[24])] == [True, False, True]
    assert f'value="{made[0].id}" checked' in page
    assert f'value="{orders.api_id}"' in page


def test_pages_about_a_key_with_policies_cost_the_same_queries_for_one_and_for_five(cast, acme, orders):
    counts = []
    for number in range(1, 6):
        given = [
            policies.policy(
                cast.acme, orders, build.api(cast.acme, f"API {number}{each}"), name=f"P {number}{each}"
            ).id
            for each in range(number)
        ]
        spec = lifecycle.KeySpec(policies=tuple(given))
        made, _ = build.inside(cast.acme, lifecycle.create, cast.acme.id, spec, created_by="test")
        acme.get(f"/o/acme/keys/{made.id}/")
        counts.append([])
        for path in PAGES:
            with CaptureQueriesContext(connection) as queries:
                assert acme.get(f"/o/acme/{path.format(made.id)}").status_code == 200
            counts[-1].append(len(queries))
    assert counts == [[7, 17, 9, 15, 13]] * 5
