"""What is said of a request, against what stock gateways said when they refused it."""

import base64
import gzip
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from dashboard.analytics.explaining.facts import Request, Verdict, World
from dashboard.analytics.explaining.judgement import judge, windows
from dashboard.analytics.ingest.entries.clean import clean
from dashboard.analytics.ingest.entries.decode import decode
from orgs.providers.holding import Allowed, Holder, PolicyThen
from tests.analytics.recordings import DATA

NOW = datetime(2030, 1, 1, tzinfo=UTC)
GENERATIONS = {"3.0.12": "3.0", "5.14.0": "5"}


def refusals() -> list[dict]:
    with gzip.open(DATA / "refusals.jsonl.gz") as lines:
        return [json.loads(line) for line in lines]


def request_of(line: dict, **changes) -> Request:
    row = clean(decode(base64.b64decode(line["record"])), 1, NOW, hashed_keys=True)
    return replace(Request.of(row), **changes)


def listed(**lists) -> dict:
    actions = {"GET": {"action": "no_action", "code": 200, "data": "", "headers": {}}}
    extended = {
        name: [{"path": path, "method": "GET", "method_actions": actions}] for name, path in lists.items()
    }
    return {"name": "Default", "use_extended_paths": True, "extended_paths": extended}


def api(info: dict | None = None, **members) -> dict:
    versions = {"not_versioned": True, "versions": {"Default": info or listed()}}
    proxy = {"listen_path": "/why/", "strip_listen_path": True}
    return {"version_data": versions, "proxy": proxy, **members}


VERSIONED = api() | {
    "version_data": {
        "not_versioned": False,
        "default_version": "",
        "versions": {
            "v1": listed() | {"expires": "2100-01-02 15:04"},
            "v2": listed(),
            "old": listed() | {"expires": "2020-01-02 15:04"},
        },
    }
}
# As the refusals were made: the definition, what the key might, and the check that says no; None: it cannot be known.
OPEN = {"opens": True, "versions": ("Default",)}
CASES = {
    "no key": (api(), {}, "Key sent"),
    "unknown key": (api(), {}, "Key known"),
    "revoked": (api(), {}, "Key known"),
    "wrong api": (api(), {"opens": False}, "Rights of the key"),
    "blocked path": (api(listed(black_list="/secret")), OPEN, "Paths of the API"),
    # Gateways may be told that a pattern is all of a path.
    "blocked path below": (api(listed(black_list="/secret")), OPEN, None),
    "not in the list": (api(listed(white_list="/open")), OPEN, "Paths of the API"),
    "in the list": (api(listed(white_list="/open")), OPEN, ""),
    "version missing": (VERSIONED, {}, "Version"),
    "version unknown": (VERSIONED, {}, "Version"),
    "version expired": (VERSIONED, {}, "Version"),
    "version not granted": (VERSIONED, {"opens": True, "versions": ("v1",)}, "Rights of the key"),
    "version granted": (VERSIONED, {"opens": True, "versions": ("v1",)}, ""),
    "address not allowed": (api(enable_ip_whitelisting=True, allowed_ips=["10.0.0.0/8"]), {}, "Addresses"),
    "address blocked": (api(enable_ip_blacklisting=True, blacklisted_ips=["127.0.0.1"]), {}, "Addresses"),
    "rate": (api(), {**OPEN, "rate": 5, "per": 60}, "Rate"),
    "rate by policy": (api(), {**OPEN, "rate": 4, "per": 60}, "Rate"),
    "quota": (api(), {**OPEN, "quota": 4, "renewal": 3600}, "Quota"),
    "path of right": (api(), {**OPEN, "paths": (("/only", ("GET",)),)}, "Paths of the key"),
    "rate of the api": (api(global_rate_limit={"rate": 3, "per": 60}), OPEN, "Rate of the API"),
    "their key": (api(), None, None),
    "keyless": (api(use_keyless=True), {}, ""),
    "upstream away": (api(), OPEN, "Upstream"),
    "upstream 403": (api(), OPEN, "Upstream"),
    "upstream 503": (api(), OPEN, "Upstream"),
    "upstream slow": (api(), OPEN, "Upstream"),
    "too large": (api(listed() | {"global_size_limit": 3}), OPEN, "Size"),
    "no JWT": (api(enable_jwt=True), {}, None),
    "wrong password": (api(use_basic_auth=True), {}, None),
    "invalid body": (api(listed(validate_json="/a")), OPEN, None),
    "expired": (api(), OPEN, "State of the key"),
    "suspended": (api(), {**OPEN, "inactive": True}, "State of the key"),
}
# An upstream that answered in under a millisecond, which cannot be told from a gateway.
UNTOLD = {("3.0.12", "upstream 403"): None}


def worlds(request: Request, definition: dict, allowed: dict | None, **members) -> list[World]:
    """Of gateways of both generations: records do not say which one it was."""
    holder = None
    if request.keyed and allowed is not None:
        holder = Holder(
            "1", "a key", ("aa",), allowed=tuple(Allowed(name, **allowed) for name in ("3.0", "5"))
        )
        holder = replace(holder, **members)
    found = [World(definition, name, holder, False, {}) for name in ("3.0", "5")]
    counted = {window: window.most for window in windows(request, found)}
    return [replace(world, counted=counted) for world in found]


def failed(judgement) -> str | None:
    """The step that failed, "" if all passed, None if it cannot be known."""
    names = [step.name for step in judgement.steps if step.verdict == Verdict.FAILED]
    all_passed = {step.verdict for step in judgement.steps} == {Verdict.PASSED}
    return names[0] if names else "" if all_passed else None


@pytest.mark.parametrize("line", refusals(), ids=lambda line: f"{line['gateway']} {line['case']}")
def test_what_a_gateway_refused_is_found_or_said_not_to_be_known(line):
    definition, allowed, expected = CASES[line["case"]]
    request = request_of(line)
    members = {"expires_at": request.ts - timedelta(minutes=1)} if line["case"] == "expired" else {}
    found = judge(request, worlds(request, definition, allowed, **members))
    assert failed(found) == UNTOLD.get((line["gateway"], line["case"]), expected)
    names = [step.name for step in found.steps]
    if failed(found):
        place = names.index(failed(found))
        assert {step.verdict for step in found.steps[:place]} == {Verdict.PASSED}
        assert {step.verdict for step in found.steps[place + 1 :]} <= {Verdict.NOT_REACHED}


def test_every_refusal_was_recorded_with_what_the_gateway_said():
    said = {(line["case"], line["gateway"]): line["said"] for line in refusals()}
    assert {case for case, _ in said} == set(CASES)
    assert said["rate", "5.14.0"] == "Rate Limit Exceeded"
    assert said["quota", "3.0.12"] == "Quota exceeded"
    assert said["suspended", "5.14.0"] == "Key is inactive, please renew"


def refused(case: str, gateway: str = "5.14.0") -> Request:
    return request_of(next(line for line in refusals() if (line["case"], line["gateway"]) == (case, gateway)))


def verdicts(judgement) -> dict[str, str]:
    return {step.name: step.verdict for step in judgement.steps}


def test_limits_are_told_with_what_was_used_of_them_and_fewer_requests_prove_nothing():
    request = refused("rate")
    allowed = {**OPEN, "rate": 5, "per": 60}
    found = worlds(request, api(), allowed, policies=(PolicyThen("2", "Gold", 3),))
    [step] = [step for step in judge(request, found).steps if step.name == "Rate"]
    assert step.words == (
        "Requests of the key, by Gold (revision 3): 5 in 1 minute; 5 let through in the 1 minute before are recorded."
    )
    few = [replace(world, counted=dict.fromkeys(world.counted, 3)) for world in found]
    assert verdicts(judge(request, few))["Rate"] == Verdict.UNKNOWN
    assert failed(judge(request, few)) is None
    [step] = [
        step
        for step in judge(request, [replace(world, counted={}) for world in found]).steps
        if step.name == "Rate"
    ]
    assert step.words.endswith(": 5 in 1 minute. What was used of it could not be counted.")


def test_where_several_checks_may_have_refused_none_is_named():
    request = refused("unknown key")
    found = worlds(request, api(custom_middleware={"pre": [{"name": "x", "path": "y"}]}), {})
    judged = judge(request, found)
    assert failed(judged) is None
    assert judged.conclusion == "Where it was refused cannot be known. It was one of: Plugins, Key known."
    assert verdicts(judged)["Version"] == Verdict.PASSED
    assert verdicts(judged)["Rate"] == Verdict.NOT_IT
    assert verdicts(judged)["Addresses"] == Verdict.NOT_IT  # between the two


def test_what_holds_on_some_gateways_only_is_not_known():
    request = refused("blocked path")
    only_post = {"name": "Default", "use_extended_paths": True}
    only_post["extended_paths"] = {"black_list": [{"path": "/secret", "method": "POST"}]}
    judged = judge(request, worlds(request, api(only_post), {}))
    assert (failed(judged), verdicts(judged)["Paths of the API"]) == (None, Verdict.UNKNOWN)


def test_a_change_that_was_just_made_leaves_open_which_state_was_in_force():
    request = refused("address blocked")
    before = worlds(request, api(), {})
    after = worlds(request, api(enable_ip_blacklisting=True, blacklisted_ips=["127.0.0.0/8"]), {})
    judged = judge(request, [*after, *before])
    assert verdicts(judged)["Addresses"] == Verdict.UNKNOWN
    assert "how soon it heard of a change" in next(s.words for s in judged.steps if s.name == "Addresses")
    assert failed(judge(request, after)) == "Addresses"


def test_nothing_in_force_that_explains_it_is_said():
    request = refused("upstream 403", "3.0.12")
    judged = judge(request, worlds(request, api(), OPEN))
    assert judged.conclusion.startswith(
        "Why cannot be known: nothing that was in force explains this answer."
    )
    # With what gateways refuse, an upstream that fast is not taken to have answered; with anything else it is.
    for status, found in ((401, None), (403, None), (429, None), (404, "Upstream")):
        ended = replace(request, status=status)
        assert failed(judge(ended, worlds(ended, api(), OPEN))) == found
    passed = judge(
        replace(request, status=200),
        worlds(request, api(enable_ip_blacklisting=True, blacklisted_ips=["127.0.0.1"]), OPEN),
    )
    assert {step.verdict for step in passed.steps} == {Verdict.PASSED}
    assert "should have refused it here" in next(s.words for s in passed.steps if s.name == "Addresses")


def test_a_path_that_is_open_to_everybody_asks_for_no_key():
    request = refused("upstream 503")
    judged = judge(
        replace(request, keyed=False, path="/ping"), worlds(request, api(listed(ignored="/ping")), None)
    )
    assert "Key sent" not in verdicts(judged)
    assert failed(judged) == "Upstream"
