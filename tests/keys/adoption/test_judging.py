import pytest

from keys.adoption.judging import judged
from tests.keys.adoption.build import session

ORG, OWN, STRANGE = "a" * 24, "orders", "theirs"
POLICIES = {"gold": True, "slow": False}


def judgement(*apis, hashed=True, **members):
    return judged(session(ORG, *apis, **members), {OWN}, POLICIES, hashed=hashed)


@pytest.mark.parametrize(
    ("apis", "members", "expected"),
    [
        ((OWN,), {}, ("key", "whole", 0)),
        ((), {"apply_policies": ["gold"]}, ("key", "whole", 0)),
        ((OWN,), {"apply_policy_id": "gold"}, ("key", "whole", 0)),
        ((OWN,), {"apply_policies": ["slow", "gold"]}, ("key", "whole", 0)),
        ((), {}, ("key", "cut", 1)),
        ((), {"access_rights": None}, ("key", "cut", 1)),
        ((OWN, STRANGE), {}, ("key", "cut", 1)),
        ((OWN,), {"apply_policies": ["gold", "theirs"]}, ("key", "cut", 1)),
        ((OWN,), {"meta_data": {"policies": ["x"], "rate_limit_pattern": "y"}}, ("key", "cut", 2)),
        ((STRANGE,), {}, ("key", "not", 1)),
        # Gateways refuse it: without the policy its own rights would count, which they do not look at.
        ((OWN,), {"apply_policies": ["theirs"]}, ("key", "not", 1)),
        ((OWN,), {"apply_policy_id": "theirs"}, ("key", "not", 1)),
        ((), {"apply_policy_id": "gold"}, ("key", "whole", 0)),
        ((OWN,), {"apply_policies": ["slow"]}, ("key", "not", 0)),
        ((OWN,), {"oauth_client_id": "client"}, ("oauth", "not", 0)),
        ((OWN,), {"meta_data": {"TykJWTSessionID": "x"}}, ("jwt", "not", 0)),
        ((OWN,), {"jwt_data": {"secret": 7}}, ("key", "not", 0)),
        # It would be accepted without a signature, or never.
        ((OWN,), {"hmac_enabled": True}, ("key", "not", 0)),
        ((OWN,), {"hmac_enabled": True, "hmac_string": "s"}, ("key", "whole", 0)),
        ((OWN,), {"rate": "fast"}, ("key", "not", 0)),
        ((OWN,), {"access_rights": {OWN: {"unheard_of_limits": 1, "limit": "none"}}}, ("key", "not", 0)),
        ((OWN,), {"access_rights": [OWN]}, ("key", "cut", 1)),
    ],
)
def test_what_becomes_of_a_session(apis, members, expected):
    made = judgement(*apis, **members)
    assert (made.kind, made.verdict, len(made.losses)) == expected


def test_one_under_a_token_is_shown_and_not_taken_over():
    assert (judgement(OWN, hashed=False).kind, judgement(OWN, hashed=False).verdict) == ("plain", "not")


def test_no_name_of_a_strangers_api_or_policy_is_told():
    made = judgement(OWN, STRANGE, apply_policies=["gold", "secret-policy"])
    told = " ".join(made.losses) + made.why_not + repr(made.body)
    assert (made.strangers, STRANGE in told, "secret-policy" in told) == (1, False, False)


def test_what_is_taken_over_says_all_that_the_session_said_and_nothing_that_gateways_count():
    body = judgement(OWN, STRANGE, alias="partner", rate=7, meta_data={"policies": [], "team": "x"}).body
    assert body["access_rights"].keys() == {OWN}
    assert (body["alias"], body["rate"], body["meta_data"]) == ("partner", 7, {"team": "x"})
    assert body.keys() & {"quota_renews", "allowance", "last_check"} == set()
    assert "all_apis" not in body
    assert judgement().body["all_apis"] is True
