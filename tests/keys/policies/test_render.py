"""What gateways are given for one policy."""

import json

from apis.definitions.rules.targets import NOWHERE
from keys.policies import document, render
from keys.policies.effect import words

ID, ORG = "a" * 24, "b" * 24


def rendered(names=None, **members):
    stored = document.normal_form({"name": "Gold", **members}, id=ID, org_id=ORG, updated=7)
    return [json.loads(element) for element in render.elements(stored, names or {})]


def test_a_right_has_its_names_in_the_words_of_every_version():
    [element] = rendered({"x": "Orders"}, access_rights={"x": {"versions": ["v1"], "api_name": "Old"}})
    assert element["access_rights"] == {
        "x": {"api_id": "x", "apiid": "x", "api_name": "Orders", "apiname": "Orders", "versions": ["v1"]}
    }


def test_a_path_that_gateways_cannot_read_opens_nothing_and_those_beside_it_what_they_did():
    """It may have been stored before it was refused; 3.0.12 lets every request pass at one (seen)."""
    good = {"url": "^/a$", "methods": ["GET"]}
    paths = [{"url": "^/(?!admin)", "methods": ["GET", "POST"]}, good, None]
    [element] = rendered({"x": "X"}, access_rights={"x": {"allowed_urls": paths, "limit": {"rate": 1}}})
    assert element["access_rights"]["x"]["allowed_urls"] == [{"url": r"\z.", "methods": []}, good, None]
    assert element["access_rights"]["x"]["limit"] == {"rate": 1}
    stored = document.normal_form(
        {"name": "Gold", "access_rights": {"x": {"allowed_urls": paths}}}, id=ID, org_id=ORG, updated=7
    )
    assert [note for note in words.notes(stored) if "^/(?!admin)" in note and "opens nothing" in note]


def test_a_right_to_an_api_that_is_not_there_is_left_out_and_none_becomes_nothing():
    named = {"x": {}, "gone": {}}
    assert list(rendered({"x": "X"}, access_rights=named)[0]["access_rights"]) == ["x"]
    for nothing in (rendered({}, access_rights=named), rendered()):
        assert nothing[0]["access_rights"] == {NOWHERE: {"api_id": NOWHERE, "api_name": "", "versions": []}}


def test_what_only_people_and_clients_read_is_not_served_and_types_are_those_of_gateways():
    [element] = rendered(auth_type="token", auth_types=["token"], date_created="now", state="deny", unknown=1)
    assert element == {
        "rate": 0,
        "per": 0,
        "quota_max": 0,
        "quota_renewal_rate": 0,
        "throttle_interval": 0,
        "throttle_retry_limit": 0,
        "max_query_depth": 0,
        "key_expires_in": 0,
        "meta_data": {},
        "hmac_enabled": False,
        "name": "Gold",
        "unknown": 1,
        "_id": ID,
        "id": "",
        "org_id": ORG,
        "active": False,
        "is_inactive": True,
        "access_rights": render.nothing(),
        "tags": [],
        "partitions": {
            "quota": False,
            "rate_limit": False,
            "acl": False,
            "complexity": False,
            "per_api": False,
        },
        "last_updated": "7",
    }
    assert document.problems(element) == []


def test_an_id_of_its_own_is_a_second_element_and_one_like_the_rows_is_not():
    assert [(each["_id"], each["id"]) for each in rendered(id="gold")] == [
        (ID, ""),
        (render.derived_id("gold"), "gold"),
    ]
    assert [(each["_id"], each["id"]) for each in rendered(id=ID)] == [(ID, "")]
    # Gateways compare a claim with it letter by letter.
    assert [each["id"] for each in rendered(id=ID.upper())] == ["", ID.upper()]
    assert document.is_hex_id(render.derived_id("gold"))


def test_the_placeholder_is_a_policy_that_opens_nothing_for_nobody():
    element = json.loads(render.PLACEHOLDER)
    assert document.problems(element) == []
    assert (element["org_id"], element["is_inactive"], list(element["access_rights"])) == (
        "",
        True,
        [NOWHERE],
    )
