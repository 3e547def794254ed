"""Claims over all organisations, looked up by index."""

import pytest
from django.db import connection

from apis.definitions.listen_path import Address, overlap
from apis.models import ApiDefinition
from apis.publishing import conflicts
from apis.publishing.columns import columns
from apis.publishing.refusals import SAME_ID, SAME_URL
from orgs import scope
from tests.apis.examples import plain

PATHS = (
    "/",
    "/a",
    "/a/",
    "/a/b/",
    "/ab/",
    "/{x}/",
    "/{x}/b/",
    "/a/{x}/c/",
    "/a/b{x}/",
    "/{x:[a-z/]+}/z/",
    "/%_/",
    "/100",
)
ELSEWHERE = Address("elsewhere.example", "/nowhere/near/")
DOMAINS = ("", "a.example", "b.example", "{sub}.example")


def stored(org, path, **members):
    definition = plain(path, **members) | {"api_id": f"api-{ApiDefinition.objects.count()}"}
    api = ApiDefinition(org_id=org.id, definition=definition, revision=1, **columns(definition))
    api.save()
    return api


def address_is_taken(address, org_id, but="f" * 24):
    with scope.org(org_id):
        return conflicts.taken(org_id, [conflicts.Claim(but, "another", address)]) == {but: SAME_URL}


def addresses_taken(addresses, org_id):
    """Those of different addresses that are taken, asked for at once."""
    claims = [conflicts.Claim(f"{n:024}", f"another {n}", each) for n, each in enumerate(addresses)]
    with scope.org(org_id):
        found = conflicts.taken(org_id, claims)
    assert set(found.values()) <= {SAME_URL}
    return {claim.address for claim in claims if claim.id in found}


def api_id_is_taken(api_id, org_id, but="f" * 24):
    with scope.org(org_id):
        return conflicts.taken(org_id, [conflicts.Claim(but, api_id, ELSEWHERE)]) == {but: SAME_ID}


def is_taken(api, org):
    return address_is_taken(Address(api.domain, api.listen_path, api.listen_port), org.id, but=api.id)


def same(one, other):
    """Whether two Addresses are one to a gateway, which would then rename one of the two APIs. With a slash at the end
    and without are two (seen, 3.0.12 and 5.14)."""
    return (one.domain, one.path) == (other.domain, other.path)


@pytest.mark.parametrize("place", DOMAINS)
def test_an_address_is_taken_where_the_rules_of_overlapping_say_so(cast, place):
    with scope.org(cast.acme.id):
        for path in PATHS:
            ApiDefinition.objects.all().delete()
            there = stored(cast.acme, path, domain=place)
            theirs = Address(there.domain, there.listen_path, there.listen_port)
            asked = [Address(domain, other) for domain in DOMAINS for other in PATHS]
            taken = addresses_taken(asked, cast.globex.id)
            assert (path, taken) == (path, {each for each in asked if overlap(each, theirs)})
            taken = addresses_taken(asked, cast.acme.id)
            assert (path, taken) == (path, {each for each in asked if same(each, theirs)})


def test_an_own_api_that_differs_by_the_slash_at_the_end_is_told(cast):
    with scope.org(cast.acme.id):
        there = {path: stored(cast.acme, path) for path in ("/", "/a", "/a/", "/b/", "/c")}
        stored(cast.acme, "/b", domain="b.example")
        beside = {
            path: conflicts.beside(Address("", path), cast.acme.id, but=api.id) for path, api in there.items()
        }
    assert beside == {"/": None, "/a": there["/a/"], "/a/": there["/a"], "/b/": None, "/c": None}
    with scope.every_org():  # as a super-user has it
        assert conflicts.beside(Address("", "/c/"), cast.globex.id, but="") is None
        assert conflicts.beside(Address("", "/c/", 6000), cast.acme.id, but="") is None
        assert conflicts.beside(Address("", "/c/"), cast.acme.id, but="") == there["/c"]


def test_the_own_apis_that_overlap_are_told_together_with_those_that_come_and_as_they_will_be(cast):
    with scope.org(cast.acme.id):
        there = {path: conflicts.place(stored(cast.acme, path)) for path in ("/", "/a/", "/a/b/", "/c/")}
        with scope.org(cast.globex.id):
            stored(cast.globex, "/a/theirs/")
        moved = there["/a/"]._replace(address=Address("", "/c/d/"))
        new = conflicts.Place("f" * 24, "New", Address("b.example", "/a/b/"), active=True)
        asked = conflicts.neighbours(cast.acme.id, [moved, new])
    assert asked == {moved.id: [there["/"], there["/c/"]], new.id: [there["/"], there["/a/b/"]]}
    assert conflicts.neighbours(cast.acme.id, []) == {}


def test_a_port_is_taken_on_the_domains_that_meet(cast):
    with scope.org(cast.acme.id):
        api = stored(cast.acme, "/", protocol="tcp", listen_port=6000, domain="a.example")
    assert [
        address_is_taken(Address(domain, "", port), cast.globex.id)
        for domain, port in (("a.example", 6000), ("", 6000), ("b.example", 6000), ("a.example", 6001))
    ] == [True, True, False, False]
    assert not address_is_taken(Address("a.example", "/"), cast.globex.id)
    assert not is_taken(api, cast.acme)


def test_an_id_is_taken_as_api_id_and_as_database_id(cast):
    with scope.org(cast.acme.id):
        api = stored(cast.acme, "/a/")
    for asked in (api.api_id, api.id):
        assert api_id_is_taken(asked, cast.globex.id)
        assert not api_id_is_taken(asked, cast.acme.id, but=api.id)
    assert not api_id_is_taken("another", cast.globex.id)


def test_claims_are_looked_up_by_index(cast):
    """Publishing scanned every API of every organisation: 390 ms with 10,000 of them."""
    with scope.org(cast.acme.id):
        ApiDefinition.objects.bulk_create(
            ApiDefinition(org_id=cast.acme.id, definition_text="{}", revision=1, **columns(definition))
            for definition in (plain(f"/acme/{n}/", api_id=f"api-{n}") for n in range(3_000))
        )
    plans = []

    def explain(execute, sql, params, many, context):
        if sql.startswith("SELECT") and "apis_apidefinition" in sql:
            with connection.cursor() as cursor:
                cursor.cursor.execute(f"EXPLAIN {sql}", params)
                plans.append("\n".join(row[0] for row in cursor.cursor.fetchall()))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(explain):
        assert not address_is_taken(Address("", "/globex/1/"), cast.globex.id)
        assert not address_is_taken(Address("b.example", "/globex/1/"), cast.globex.id)
        assert not api_id_is_taken("another", cast.globex.id)
    assert len(plans) == 12
    assert [plan for plan in plans if "Seq Scan on apis_apidefinition" in plan] == []
