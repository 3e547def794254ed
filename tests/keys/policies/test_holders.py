"""Which keys have a policy: those that live."""

from django.db import transaction

from keys.keys import lifecycle
from keys.policies import holders
from orgs import scope
from tests.keys import build as keys
from tests.keys.policies import build


def test_a_revoked_key_has_no_policy_any_more_in_any_number(cast):
    gold = build.policy(cast.acme, keys.api(cast.acme))
    spec = lifecycle.KeySpec(policies=(gold.id,))
    with scope.org(cast.acme.id), transaction.atomic():
        living, ended = (lifecycle.create(cast.acme.id, spec, created_by="test")[0] for _ in range(2))
        lifecycle.revoke(ended)
        assert holders.numbers_of([gold]) == {gold.id: 1}
        found = holders.of(gold, named=True)
    assert (found.number, [key for key, _ in found.first]) == (1, [living])
