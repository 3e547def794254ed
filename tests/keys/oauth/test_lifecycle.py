"""OAuth clients are made, changed and ended, and refused where they name what is not the organisation's own."""

import pytest
from django.db import IntegrityError, transaction

from apis.models import Outbox
from apis.publishing import publish
from keys.models import OAuthClient
from keys.oauth import lifecycle
from keys.oauth.refusals import AlreadyMade, Deleted, Stale, Taken
from keys.oauth.rules import ClientError
from keys.policies import lifecycle as policies
from keys.policies.refusals import UsedByClients
from orgs import scope
from orgs.models import AuditEntry
from orgs.organisations import lifecycle as organisations
from orgs.refusals import LimitReached
from tests.keys import build as keys
from tests.keys.oauth import build
from tests.keys.policies.build import policy


@pytest.fixture
def protected(cast):
    return build.api(cast.acme)


@pytest.fixture
def gold(cast, protected):
    return policy(cast.acme, protected)


@pytest.fixture
def theirs(cast):
    """An API of the other organisation, and a policy that opens it."""
    api = build.api(cast.globex, "Theirs")
    return api, policy(cast.globex, api, name="Their gold")


def messages(org):
    with scope.org(org.id):
        rows = Outbox.objects.filter(kind__startswith="oauth").order_by("created_at", "id")
        return [(row.kind, row.subject, row.payload) for row in rows]


def test_a_client_keeps_a_given_id_and_secret_which_lies_sealed(cast, protected, gold):
    made, secret = build.client(
        cast.acme,
        protected,
        gold,
        client_id="shop-1",
        secret="s3cret",
        description="Shop",
        meta_data={"a": [1]},
    )
    assert (made.client_id, secret, lifecycle.secret_of(build.now(made))) == ("shop-1", "s3cret", "s3cret")
    assert b"s3cret" not in bytes(build.now(made).sealed_secret)
    assert messages(cast.acme) == [("oauth-client", made.id, None)]
    with scope.org(cast.acme.id):
        entry = AuditEntry.objects.get(kind="oauth-client")
    assert (entry.action, entry.object_id, entry.label) == ("oauth-client.created", made.id, "shop-1")
    assert "s3cret" not in str(entry.changes) and "[1]" not in str(entry.changes)


def test_a_client_that_says_neither_is_given_both(cast, protected, gold):
    (one, first), (two, second) = (build.client(cast.acme, protected, gold) for _ in range(2))
    assert len({one.client_id, two.client_id, first, second}) == 4
    assert all(len(text) >= 32 for text in (one.client_id, first))


def test_no_client_names_an_api_or_policy_that_is_not_the_organisations_own(cast, protected, gold, theirs):
    their_api, their_policy = theirs
    plain = keys.api(cast.acme, "Plain")
    limits = policy(cast.acme, protected, name="Limits", partitions={"quota": True})
    common = {"redirect_uri": build.URI}
    said = {}
    for name, api_id, policy_id in (
        ("unknown API", "nowhere", gold.id),
        ("foreign API", their_api.api_id, gold.id),
        ("API in capitals", protected.api_id.upper(), gold.id),
        ("API without OAuth", plain.api_id, gold.id),
        ("unknown policy", protected.api_id, "0" * 24),
        ("foreign policy", protected.api_id, their_policy.id),
        ("policy in capitals", protected.api_id, gold.id.upper()),
        ("no policy", protected.api_id, ""),
        ("policy that only limits", protected.api_id, limits.id),
    ):
        with scope.org(cast.acme.id), pytest.raises(ClientError) as refused:
            lifecycle.create(cast.acme.id, api_id, common | {"policy_id": policy_id}, created_by="test")
        said[name] = str(refused.value).replace(api_id, "…").replace(policy_id or "-", "…")
    no_api, no_policy = (
        "api_id: There is no API '…' in this organisation.",
        "policy_id: There is no policy '…' in this organisation.",
    )
    assert said == {
        "unknown API": no_api,
        "foreign API": no_api,
        "API in capitals": no_api,
        "API without OAuth": "api_id: The API '…' does not use OAuth 2.0.",
        "unknown policy": no_policy,
        "foreign policy": no_policy,
        "policy in capitals": no_policy,
        "no policy": "policy_id: Is needed: it says what the tokens open.",
        "policy that only limits": "policy_id: This policy opens no API: it only limits, so no token would open one.",
    }
    assert messages(cast.acme) == []
    with scope.every_org():
        assert not OAuthClient.objects.exists()


def test_the_database_refuses_a_client_that_crosses_organisations(cast, protected, gold, theirs):
    made, _ = build.client(cast.acme, protected, gold)
    for column, foreign in zip(("api_id", "policy_id"), theirs, strict=True):
        with scope.org(cast.acme.id), pytest.raises(IntegrityError), transaction.atomic():
            OAuthClient.objects.filter(id=made.id).update(**{column: foreign.id})
            transaction.get_connection().check_constraints()


def test_one_id_is_one_client_of_an_api_and_may_be_others_elsewhere(cast, protected, gold, theirs):
    build.client(cast.acme, protected, gold, client_id="shop")
    with pytest.raises(Taken):
        build.client(cast.acme, protected, gold, client_id="shop")
    other = build.api(cast.acme, "Other")
    build.client(cast.acme, other, gold, client_id="shop")
    build.client(cast.globex, *theirs, client_id="shop")


def test_a_form_sent_twice_makes_one_client(cast, protected, gold):
    values = {"redirect_uri": build.URI, "policy_id": gold.id}
    with scope.org(cast.acme.id):
        made, _ = lifecycle.create(cast.acme.id, protected.api_id, values, created_by="", form_token="f" * 32)
        with pytest.raises(AlreadyMade) as already:
            lifecycle.create(cast.acme.id, protected.api_id, values, created_by="", form_token="f" * 32)
    assert already.value.client == made


def test_an_organisation_has_so_many_clients_at_most(cast, protected, gold, monkeypatch):
    monkeypatch.setattr(lifecycle, "MOST_CLIENTS", 1)
    build.client(cast.acme, protected, gold)
    with pytest.raises(LimitReached):
        build.client(cast.acme, protected, gold)


def test_a_change_says_what_differs_and_another_policy_ends_the_tokens(cast, protected, gold):
    made, secret = build.client(cast.acme, protected, gold)
    silver = policy(cast.acme, protected, name="Silver")
    with scope.org(cast.acme.id):
        same = lifecycle.change(
            made, {"policy_id": gold.policy_id, "redirect_uri": build.URI, "secret": secret}
        )
        assert same.change_number == 1
        lifecycle.change(made, {"description": "Shop"}, expected=1)
        with pytest.raises(Stale):
            lifecycle.change(made, {"description": "Kiosk"}, expected=1)
        lifecycle.change(made, {"policy_id": silver.id}, expected=2)
        with pytest.raises(ClientError):
            lifecycle.change(made, {"client_id": "another"})
    assert messages(cast.acme)[1:] == [
        ("oauth-client", made.id, None),
        ("oauth-client-ended", made.id, {"all": True}),
    ]
    assert (build.now(made).description, build.now(made).policy_id) == ("Shop", silver.id)


def test_a_deleted_client_stays_as_history_without_its_secret_and_its_id_is_free(cast, protected, gold):
    made, _ = build.client(cast.acme, protected, gold, client_id="shop")
    with scope.org(cast.acme.id):
        lifecycle.delete(made)
        for verb in (lifecycle.delete, lifecycle.end_tokens, lifecycle.renew_secret):
            with pytest.raises(Deleted):
                verb(made)
    row = build.now(made)
    assert (row.state, row.sealed_secret, row.policy, row.api, row.client_id) == (
        "deleted",
        None,
        None,
        None,
        "shop",
    )
    build.client(cast.acme, protected, gold, client_id="shop")


def test_clients_end_with_their_api_and_with_their_organisation(cast, protected, gold, theirs):
    first, _ = build.client(cast.acme, protected, gold)
    with scope.org(cast.acme.id):
        publish.delete(protected, author=None)
    assert build.now(first).state == "deleted"
    second, _ = build.client(cast.globex, *theirs)
    with scope.org(cast.globex.id):
        organisations.delete(cast.globex)
    assert build.now(second).state == "deleted"
    with scope.every_org():
        ended = Outbox.objects.filter(kind="oauth-client-ended").values_list("subject", flat=True)
        assert set(ended) == {first.id, second.id}


def test_a_policy_is_not_deleted_while_a_client_has_it(cast, protected, gold):
    made, _ = build.client(cast.acme, protected, gold)
    with scope.org(cast.acme.id):
        with pytest.raises(UsedByClients) as refused:
            policies.delete(gold, author=None)
        assert (
            str(refused.value) == "1 OAuth client has this policy. Give them another, or delete them, first."
        )
        lifecycle.delete(made)
        policies.delete(gold, author=None)


def test_an_api_whose_id_could_be_taken_for_a_place_of_another_has_no_clients(cast, gold):
    odd = build.api(cast.acme, "Odd", api_id="orders.oauth-clientid")
    with pytest.raises(ClientError):
        build.client(cast.acme, odd, gold)
