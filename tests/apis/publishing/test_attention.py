"""APIs that name what is not there are on the home page of whoever may see APIs."""

from django.utils import timezone

from apis.models import ApiDefinition
from apis.publishing import attention, publish
from orgs import scope
from orgs.providers.attention import Item
from tests import make
from tests.keys import build
from tests.keys.policies import build as policies


def said(org, person):
    with scope.org(org.id):
        return list(attention.items(org, person, timezone.now()))


def test_active_apis_that_name_a_policy_or_an_api_which_is_not_there_are_told_of(cast):
    orders = build.api(cast.acme, "Orders")
    gold = policies.policy(cast.acme, orders)
    theirs = policies.policy(cast.globex, build.api(cast.globex, "Foreign"))
    token = {"enable_jwt": True, "jwt_signing_method": "hmac", "jwt_source": "c2VjcmV0"}
    build.api(cast.acme, "Whole", **token, jwt_default_policies=[gold.policy_id])
    lacking = build.api(cast.acme, "A", **token, jwt_default_policies=[theirs.policy_id, "later"])
    idle = build.api(cast.acme, "Idle", **token, jwt_default_policies=["later"])
    with scope.org(cast.acme.id):
        publish.set_active(idle, False, author=None)
    first = Item(
        f"The API A names the policy '{theirs.policy_id}' and 1 more, which this organisation does not have.",
        f"/o/acme/apis/{lacking.id}/",
    )
    assert said(cast.acme, cast.acme_admin) == [first]
    for name in ("B", "C", "D", "E"):
        build.api(cast.acme, name, proxy={"listen_path": f"/{name}/", "target_url": "tyk://later"})
    assert [(item.text, item.url) for item in said(cast.acme, cast.acme_admin)][1:] == [
        *(
            (
                f"The API {api.name} names the API 'later', which this organisation does not have.",
                f"/o/acme/apis/{api.id}/",
            )
            for api in _named(cast.acme, "B", "C")
        ),
        ("2 more APIs name what this organisation does not have.", "/o/acme/apis/"),
    ]
    assert said(cast.acme, make.user("kim@acme.example", cast.acme, {"keys": "read"})) == []


def _named(org, *names):
    with scope.org(org.id):
        return list(ApiDefinition.objects.filter(name__in=names).order_by("name"))
