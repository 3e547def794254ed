"""Which keys have a policy: those that live."""

from django.db import transaction

from keys.keys import lifecycle
from keys.policies.use import holders
from orgs import scope
from tests.keys import build as keys
from tests.keys.policies import build


def test_a_revoked_key_has_no_policy_any_more_in_any_number(cast):
    gold = build.policy(cast.acme, keys.api(cast.acme))
    spec = lifecycle.KeySpec(policies=(gold.id,))
    with scope.org(cast.acme.id), transaction.atomic():
        living, ended = (lifecycle.create(cast.acme.id, spec, created_by="test")[0] for _ in range(2))
        lifecycle.revoke(ended)
        assert holders.numbers_of([gold]) == {gold.id: holders.Counted(1)}
        found = holders.of(gold, named=True)
    assert (found.number, [key for key, _ in found.first]) == (1, [living])


def test_keys_are_counted_up_to_a_bound_and_the_first_of_them_named(cast, client_for):
    gold, unused = (
        build.policy(cast.acme, keys.api(cast.acme, name), name=name) for name in ("Gold", "Unused")
    )
    stranger = build.policy(cast.globex, keys.api(cast.globex))
    spec = lifecycle.KeySpec(policies=(gold.id,))
    with scope.org(cast.acme.id), transaction.atomic():
        made = [lifecycle.create(cast.acme.id, spec, created_by="test")[0] for _ in range(3)]
        numbers = [holders.numbers_of([gold, unused, stranger], most) for most in (2, 3)]
        assert [{id: str(number) for id, number in each.items()} for each in numbers] == [
            {gold.id: "more than 2", unused.id: "0", stranger.id: "0"},
            {gold.id: "3", unused.id: "0", stranger.id: "0"},
        ]
        assert holders.first_of(gold) == sorted(made, key=lambda key: (key.alias, key.id))
    page = client_for(cast.acme_admin).get(f"/o/acme/policies/{gold.id}/").content.decode()
    assert "3 keys have this policy" in page
