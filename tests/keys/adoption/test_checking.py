import json

import pytest

from keys.adoption import checking
from tests.keys import build
from tests.keys.adoption.build import NAME, session, write
from tests.keys.policies import build as policies


def found(redis):
    return {name: faults for batch in checking.batches(redis) for name, faults in batch.items() if faults}


@pytest.fixture
def apis(cast, redis):
    """An API of each organisation, with keys of all kinds that we write, delivered."""
    orders, strange = build.api(cast.acme), build.api(cast.globex)
    gold = policies.policy(cast.acme, orders)
    build.key(cast.acme, orders)
    build.key(cast.acme)
    build.key(cast.globex, strange)
    policies_key = policies.policy(cast.globex, strange)
    for org, policy in ((cast.acme, gold), (cast.globex, policies_key)):
        build.key(org, build.apis_of(org)[0], policies=(policy.id,))
    build.deliver(redis)
    return orders, strange, gold


PLANTED = {
    "empty": (lambda api, strange, gold: ((), {}), "has no rights"),
    "null": (lambda api, strange, gold: ((), {"access_rights": None}), "has no rights"),
    "another's API": (lambda api, strange, gold: ((api, strange), {}), "names 1 APIs"),
    "an unknown API": (lambda api, strange, gold: ((api, "nothing"), {}), "names 1 APIs"),
    "an unknown policy": (
        lambda api, strange, gold: ((), {"apply_policies": [gold.id, "f" * 24]}),
        "names 1 policies",
    ),
    "metadata": (lambda api, strange, gold: ((api,), {"meta_data": {"policies": []}}), "has policies in"),
    "no organisation": (lambda api, strange, gold: ((api,), {"org_id": ""}), "is of no organisation"),
    "a list for one": (lambda api, strange, gold: ((api,), {"org_id": []}), "is of no organisation"),
}


@pytest.mark.parametrize("kind", PLANTED)
def test_what_we_write_is_right_and_each_kind_of_wrong_is_found(cast, redis, apis, kind):
    assert found(redis) == {}
    make, said = PLANTED[kind]
    named, members = make(*apis)
    redis.set(f"apikey-{NAME}", json.dumps(session(cast.acme, *named) | members))
    [(name, faults)] = found(redis).items()
    assert (name, len(faults), said in faults[0]) == (NAME[:16], 1, True)


def test_another_organisations_policy_is_found(cast, redis, apis):
    write(redis, cast.globex, apply_policies=[apis[2].id])
    assert list(found(redis)) == [NAME[:16]]
