"""What the worker reads back, and what becomes of it."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from apis.models import ServedApi
from apis.publishing import publish
from dashboard.nodes.confirming import reading
from dashboard.nodes.models import GatewayControl, Node, RunOtherwise, wanted_version
from keys.policies import lifecycle
from orgs import scope
from orgs.sealing import seal
from tests.keys import build
from tests.keys.policies import build as policies
from tests.nodes.confirming.gateway import HERE, SECRET
from tests.nodes.confirming.gateway import control as answering


@pytest.fixture
def gateway(db, settings):
    settings.GATEWAY_CONTROL_NETWORKS = HERE
    with answering() as made:
        yield made


def named(gateway, hostname="edge-1", **facts):
    row = GatewayControl(hostname=hostname, url=gateway.url, **facts)
    seal(row, "sealed_secret", SECRET.encode())
    row.save()
    return row


def loaded():
    """What a gateway runs that has loaded all that is served."""
    with scope.every_org():
        return [
            json.loads(bytes(row.body))["api_definition"] for row in ServedApi.objects.order_by("sort_key")
        ]


def loaded_policies():
    """What a gateway of 5.14 runs that has loaded all that is served: it names each, and leaves out what is empty."""
    with scope.every_org():
        elements = policies.served()
    return [each | {"id": each["id"] or each["_id"], "graphql_access_rights": None} for each in elements]


def read(row):
    GatewayControl.objects.update(asked_at=None)
    assert reading.step(None) is True
    row.refresh_from_db()
    with scope.every_org():
        others = list(
            RunOtherwise.objects.order_by("api").values_list(
                "org_id", "api", "revision", "is_absent", "pointers"
            )
        )
    return row, others


def facts(row):
    names = (
        "trouble",
        "gateway_version",
        "compared_version",
        "runs",
        "strangers",
        "others",
        "confirmed_version",
    )
    return tuple(getattr(row, name) for name in names)


def policy_facts(row):
    return row.policies, row.other_policies, row.strange_policies, row.confirmed_version


def test_a_gateway_that_runs_all_as_it_is_desired_is_confirmed_and_asked_with_its_secret(cast, gateway):
    build.api(cast.acme), build.api(cast.globex)
    gateway.answers["/tyk/apis/"] = loaded()
    row, others = read(named(gateway))
    version = wanted_version()
    assert (facts(row), others) == (("", "v5.14.0", version, 2, 0, 0, version), [])
    assert [asked[:2] for asked in gateway.asked] == [
        ("/hello", None),
        ("/tyk/apis/?include_types=mcp", SECRET),
        ("/tyk/policies", SECRET),
    ]
    assert reading.step(None) is False  # it is asked again in five minutes


def test_what_it_runs_otherwise_is_kept_for_its_organisation(cast, gateway):
    orders, theirs, bills = build.api(cast.acme), build.api(cast.globex), build.api(cast.acme, "Bills")
    gateway.answers["/tyk/apis/"] = loaded()
    confirmed = wanted_version()
    row, _ = read(named(gateway))
    with scope.every_org():
        publish.change(theirs, theirs.definition | {"name": "Renamed"}, author=None)
        publish.set_active(bills, False, author=None)
    new = build.api(cast.acme, "New")
    row, others = read(row)
    expected = [
        (cast.globex.id, theirs.id, 2, False, ["/name"]),
        (cast.acme.id, new.id, 1, True, []),
    ]
    assert others == sorted(expected, key=lambda each: each[1])
    assert facts(row) == ("", "v5.14.0", wanted_version(), 3, 1, 2, confirmed)
    gateway.answers["/tyk/apis/"] = loaded()
    row, others = read(row)
    assert (facts(row)[2:], others) == ((wanted_version(), 3, 0, 0, wanted_version()), [])
    assert orders.id not in str(others)


def test_one_that_runs_what_is_not_desired_is_not_confirmed_and_only_the_first_others_are_kept(
    cast, gateway, monkeypatch
):
    monkeypatch.setattr(reading, "MOST_OTHERS", 1)
    build.api(cast.acme), build.api(cast.globex)
    gateway.answers["/tyk/apis/"] = [{"api_id": "stranger"}]
    row, others = read(named(gateway))
    assert (facts(row)[3:], len(others)) == ((1, 1, 2, None), 1)
    gateway.answers["/tyk/apis/"] = [*loaded(), {"api_id": "stranger"}]
    row, others = read(row)
    assert (facts(row)[3:], others) == ((3, 1, 0, None), [])


def test_one_with_tags_is_not_missed_what_it_does_not_load(cast, gateway):
    (
        build.api(cast.acme, tags=["edge"]),
        build.api(cast.acme, "Bills", tags=["us"]),
        build.api(cast.acme, "Any"),
    )
    Node.objects.create(session_id="s", node_id="n", hostname="edge-1", tags="edgeeu")
    gateway.answers["/tyk/apis/"] = [api for api in loaded() if api.get("tags") == ["edge"]]
    row, others = read(named(gateway))
    assert (facts(row)[3:], others) == ((1, 0, 0, wanted_version()), [])


def test_policies_are_compared_under_each_name_where_the_version_tells_them(cast, gateway):
    api, theirs = build.api(cast.acme), build.api(cast.globex)
    twice = policies.policy(cast.acme, api, id="gold")
    # One may be named like an API's row: neither hides the other.
    silver = policies.policy(cast.acme, api, name="Silver", _id=api.id)
    bronze = policies.policy(cast.globex, theirs, name="Bronze")
    gateway.answers |= {"/tyk/apis/": loaded(), "/tyk/policies": loaded_policies()}
    row, others = read(named(gateway))
    assert (policy_facts(row), others) == ((3, 0, 0, wanted_version()), [])
    confirmed = wanted_version()
    with scope.org(cast.acme.id):
        lifecycle.change(silver, silver.document | {"rate": 7}, author=None)
    new = policies.policy(cast.globex, theirs, name="New", id="new")
    gateway.answers["/tyk/apis/"] = [api | {"name": "Other"} for api in loaded()]
    gateway.answers["/tyk/policies"] = [
        each for each in gateway.answers["/tyk/policies"] if each["id"] != twice.id
    ] + [{"_id": "f" * 24, "id": "gold", "org_id": cast.globex.id}]
    row, others = read(row)
    assert policy_facts(row) == (4, 3, 1, confirmed)
    with scope.every_org():
        names = ("org_id", "api", "revision", "is_absent", "pointers")
        found = list(RunOtherwise.objects.filter(kind="policy").values_list(*names))
    # Whether the policy was changed in the same second is as may be.
    said = [
        (*row, [pointer for pointer in pointers if pointer != "/last_updated"]) for *row, pointers in found
    ]
    assert sorted(said) == sorted(
        [
            (cast.acme.id, twice.id, 1, True, []),
            (cast.acme.id, silver.id, 2, False, ["/rate"]),
            (cast.globex.id, new.id, 1, True, []),
        ]
    )
    assert len(others) == 5
    assert bronze.id not in str(others)
    gateway.answers |= {"/tyk/apis/": loaded(), "/tyk/policies": (404, {}, b"404 page not found")}
    row, others = read(row)
    assert (policy_facts(row), others) == ((None, 0, 0, wanted_version()), [])


def test_what_is_served_where_there_is_no_policy_is_no_stranger(cast, gateway):
    gateway.answers["/tyk/policies"] = loaded_policies()
    assert len(gateway.answers["/tyk/policies"]) == 1
    row, _ = read(named(gateway))
    assert policy_facts(row) == (0, 0, 0, wanted_version())


@pytest.mark.parametrize("answer", [(403, {}, b"answer-canary"), ["answer-canary"], {"gold": {}}])
def test_policies_that_cannot_be_read_are_trouble(cast, gateway, caplog, answer):
    gateway.answers["/tyk/policies"] = answer
    row, _ = read(named(gateway))
    told = "it answers 403" if isinstance(answer, tuple) else "its answer is no list of policies"
    assert (row.trouble, row.compared_version, "answer-canary" in caplog.text) == (told, None, False)


@pytest.mark.parametrize(
    ("answer", "trouble"),
    [
        ((403, {}, b"answer-canary"), "it answers 403"),
        ((200, {}, b"answer-canary"), "its answer is no JSON"),
        ((200, {}, b"[" * 100_000), "its answer is no JSON"),
        ({"status": "answer-canary"}, "its answer is no list of APIs"),
        (["answer-canary"], "its answer is no list of APIs"),
    ],
)
def test_what_cannot_be_read_is_told_without_a_word_of_it(cast, gateway, caplog, answer, trouble):
    build.api(cast.acme)
    gateway.answers["/tyk/apis/"] = answer
    row = named(gateway, confirmed_version=7)
    row, others = read(row)
    assert (facts(row), others) == ((trouble, "v5.14.0", None, 0, 0, 0, 7), [])
    assert (SECRET in caplog.text, "answer-canary" in caplog.text) == (False, False)
    assert trouble in caplog.text


@pytest.mark.parametrize(
    ("odd", "trouble", "others"),
    [
        (b'{"config_data": ' + b'{"a":' * 700 + b"1" + b"}" * 701, "its answer is nested too deeply", set()),
        (b'{"version_data": {"versions": {"\\u0000\\ud800": {"name": "x"}}}}', "", {"version_data"}),
    ],
    ids=["nested", "names"],
)
def test_an_answer_that_no_gateway_would_give_is_trouble_or_a_difference(cast, gateway, odd, trouble, others):
    build.api(cast.acme)
    [runs] = loaded()
    body = json.dumps([runs]).encode()
    gateway.answers["/tyk/apis/"] = (200, {}, body[:-2] + b"," + odd[1:-1] + b"}]")
    row, found = read(named(gateway))
    assert row.trouble == trouble
    assert {pointer.split("/")[1] for _, _, _, _, pointers in found for pointer in pointers} == others


@pytest.mark.parametrize(
    "hello", [(500, {}, b""), [], {"version": 3}, {"version": "a\nb"}, (200, {}, b"[" * 100_000)]
)
def test_a_version_that_is_none_is_not_known_and_one_that_cannot_be_asked_is_trouble(cast, gateway, hello):
    gateway.answers["/hello"] = hello
    row, _ = read(named(gateway))
    assert (row.gateway_version, row.trouble) == (
        "",
        "it answers 500" if isinstance(hello, tuple) and hello[0] == 500 else "",
    )


def test_of_what_is_published_meanwhile_nothing_is_said(cast, gateway, monkeypatch):
    build.api(cast.acme)
    gateway.answers["/tyk/apis/"] = loaded()
    row, now = named(gateway), wanted_version()
    versions = iter([now, now, now + 1])  # when it is due, when it is compared, afterwards
    monkeypatch.setattr(reading, "wanted_version", lambda: next(versions))
    row, others = read(row)
    assert (facts(row)[2:], others) == ((None, 0, 0, 0, None), [])


def test_an_answer_to_what_was_changed_meanwhile_is_not_kept(cast, gateway):
    row = named(gateway)
    claimed = reading._claim(timezone.now())
    GatewayControl.objects.update(asked_at=None, url="http://new.example")
    reading._keep(claimed, 5, reading.Found("api", row.id), None, claimed.asked_at)
    row.refresh_from_db()
    assert facts(row)[2:] == (None, 0, 0, 0, None)


def test_a_secret_that_does_not_open_is_asked_for_nothing(gateway, settings):
    row = named(gateway)
    settings.SEALING_KEY = "another key of this installation, 0123456789"
    row, _ = read(row)
    assert (row.trouble, gateway.asked) == ("its secret cannot be opened any more", [])


@pytest.mark.parametrize(
    ("ago", "state", "due"),
    [
        (4, {}, False),
        (11, {}, True),
        (11, {"trouble": "x"}, False),
        (61, {"trouble": "x"}, True),
        (61, {"confirmed_version": 0, "compared_version": 0}, False),
        (61, {"confirmed_version": 0, "compared_version": 0, "others": 1}, True),
        (301, {"confirmed_version": 0, "compared_version": 0}, True),
    ],
)
def test_when_one_is_asked_again(gateway, ago, state, due):
    named(gateway, asked_at=timezone.now() - timedelta(seconds=ago), **state)
    assert (wanted_version(), reading.step(None)) == (0, due)
