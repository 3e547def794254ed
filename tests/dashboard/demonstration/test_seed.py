"""The demonstration is made by the product's own functions, once, and its secrets are told in one file."""

import json
import stat
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import transaction

from apis.models import ApiDefinition, Revision
from dashboard.alerts.kinds import KINDS
from dashboard.alerts.models import Incident as Found
from dashboard.alerts.models import Rule
from dashboard.demonstration import catalogue, seed
from dashboard.demonstration.traffic import HOUR
from dashboard.engines.listening import StartError
from keys.keys.token import token_hash
from keys.models import Certificate, Key, KeyPolicy, KeyRight, Policy, PolicyRevision, PolicyRight
from orgs import scope
from orgs.models import AuditEntry, Organisation, User
from orgs.signing_in.authentication import opened_by
from orgs.signing_in.credentials import access_key_hash
from orgs.signing_in.throttle import Caller


@pytest.fixture
def told(db, tmp_path) -> dict:
    return seed.seed(tmp_path)


def facts(told) -> tuple:
    with scope.every_org():
        return (
            sorted(Organisation.everyone.values_list("id", "slug")),
            sorted(User.everyone.values_list("id", "password")),
            sorted(ApiDefinition.objects.values_list("id", "revision")),
            sorted(Key.objects.values_list("id", "token_hash")),
        )


def test_the_file_has_the_members_scripts_read_and_only_its_owner_may_read_it(told, tmp_path, settings):
    assert json.loads((tmp_path / "demo.json").read_text()) == told
    assert stat.S_IMODE((tmp_path / "demo.json").stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [tmp_path / "demo.json"]
    assert list(told) == [
        "url",
        "super_user",
        "organisations",
        "traffic",
        "admin_secret",
        "node_secret",
        "redis_url",
    ]
    assert (told["admin_secret"], told["node_secret"]) == (settings.ADMIN_SECRET, settings.NODE_SECRET)
    assert told["redis_url"] == settings.REDIS_URL
    assert [list(each) for each in told["organisations"]] == [
        ["id", "name", "slug", "users", "apis", "keys"]
    ] * 2
    people = [told["super_user"], *(user for each in told["organisations"] for user in each["users"])]
    assert [list(person) for person in people] == [["email", "password", "access_key"]] * 5


def test_every_person_can_sign_in_and_holds_the_access_key_of_the_file(told):
    for person in [told["super_user"], *(u for each in told["organisations"] for u in each["users"])]:
        user = User.everyone.get(access_key_hash=access_key_hash(person["access_key"]))
        assert user.email == person["email"]
        assert opened_by(person["email"], person["password"], Caller("")) == [user]


def test_each_organisation_has_an_administrator_and_an_analyst_who_may_only_read_analytics(told):
    for organisation in told["organisations"]:
        administrator, analyst = (User.everyone.get(email=user["email"]) for user in organisation["users"])
        assert {administrator.org_id, analyst.org_id} == {organisation["id"]}
        assert administrator.is_administrator
        assert analyst.permissions == {"analytics": "read"}
    assert User.everyone.get(email=told["super_user"]["email"]).is_superuser


def test_keys_open_what_the_catalogue_says_under_the_tokens_of_the_file(told):
    for organisation, source in zip(told["organisations"], catalogue.ORGANISATIONS, strict=True):
        with scope.org(organisation["id"]):
            opened = {
                key.token_hash: "all"
                if key.all_apis
                else sorted(
                    {
                        *KeyRight.objects.filter(key=key).values_list("api__name", flat=True),
                        *PolicyRight.objects.filter(policy__keys__key=key).values_list(
                            "api__name", flat=True
                        ),
                    }
                )
                for key in Key.objects.all()
            }
        assert opened == {
            token_hash(organisation["keys"][caller.alias]): sorted(caller.apis) or "all"
            for caller in source.callers
        }


def test_policies_are_as_the_catalogue_says_and_keys_have_them(told):
    for organisation, source in zip(told["organisations"], catalogue.ORGANISATIONS, strict=True):
        with scope.org(organisation["id"]):
            stored = set(Policy.objects.values_list("name", "policy_id", "state"))
            having = set(KeyPolicy.objects.values_list("key__alias", "policy__name"))
            [made] = set(Policy.objects.values_list("created_at", "updated_at"))
            assert set(PolicyRevision.objects.values_list("created_at", "created_at")) == {made}
        assert stored == {(policy.name, policy.id, policy.state) for policy in source.policies}
        assert having == {(caller.alias, caller.policy) for caller in source.callers if caller.policy}


def test_apis_are_as_the_catalogue_says_and_those_without_callers_are_inactive(told):
    for organisation, source in zip(told["organisations"], catalogue.ORGANISATIONS, strict=True):
        with scope.org(organisation["id"]):
            stored = set(ApiDefinition.objects.values_list("api_id", "name", "listen_path", "active"))
        assert stored == {
            (organisation["apis"][api.name], api.name, api.listen_path, api.active) for api in source.apis
        }


def test_the_incident_begins_just_after_a_revision_and_ends_with_the_one_that_undoes_it(told):
    incident = told["traffic"]["incident"]
    begins = datetime.fromisoformat(incident["begins"])
    with scope.org(told["organisations"][0]["id"]):
        api = ApiDefinition.objects.get(api_id=incident["api_id"])
        revisions = list(Revision.objects.filter(definition_id=api.id).order_by("number"))
    assert (api.name, len(revisions)) == ("Shipments", 4)
    assert [r.created_at for r in revisions] == sorted(r.created_at for r in revisions)
    assert (begins - revisions[2].created_at).total_seconds() == 120
    assert (revisions[3].created_at - begins).total_seconds() == 57 * 60
    targets = [revision.definition["proxy"]["target_url"] for revision in revisions[1:]]
    assert targets[0] == targets[2] != targets[1]


@pytest.mark.parametrize(
    ("now", "begins"),
    [
        (datetime(2026, 11, 25, 14, tzinfo=UTC), datetime(2026, 11, 25, 9, 20, tzinfo=UTC)),
        (datetime(2026, 11, 25, 12, tzinfo=UTC), datetime(2026, 11, 24, 9, 20, tzinfo=UTC)),
        (datetime(2026, 11, 23, 6, tzinfo=UTC), datetime(2026, 11, 20, 9, 20, tzinfo=UTC)),
        (datetime(2026, 7, 5, 20, tzinfo=UTC), datetime(2026, 7, 3, 8, 20, tzinfo=UTC)),
    ],
)
def test_the_trouble_lies_on_the_latest_working_morning(now, begins):
    assert seed.trouble_begins(now) == begins
    assert begins.astimezone(ZoneInfo("Europe/Berlin")).strftime("%H:%M") == "10:20"


def test_a_second_call_finds_the_same_data(told, tmp_path):
    before = facts(told)
    seed.write(tmp_path, told | {"url": "http://127.0.0.1:8000/"})
    assert seed.seed(tmp_path) == told | {"url": "http://127.0.0.1:8000/"}
    assert facts(told) == before


def test_a_file_about_organisations_that_are_not_there_is_made_anew(db, tmp_path):
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        first = seed.seed(tmp_path)
        raise ZeroDivisionError
    again = seed.seed(tmp_path)
    assert again["super_user"]["password"] != first["super_user"]["password"]
    assert json.loads((tmp_path / "demo.json").read_text()) == again


def test_with_the_file_lost_it_says_so_and_changes_nothing(told, tmp_path):
    before = facts(told)
    (tmp_path / "demo.json").unlink()
    with pytest.raises(StartError) as refused:
        seed.seed(tmp_path)
    assert str(refused.value) == (
        f"The demonstration's data is there, but {tmp_path / 'demo.json'} is lost: begin anew with --fresh."
    )
    assert facts(told) == before
    assert not (tmp_path / "demo.json").exists()


def test_traffic_is_that_of_what_is_left(told):
    organisation = told["organisations"][0]
    with scope.org(organisation["id"]):
        Key.objects.filter(token_hash=token_hash(organisation["keys"]["driver-app"])).update(suspended=True)
        ApiDefinition.objects.filter(name="Rates").update(active=False)
    tenant = seed.traffic(told).tenants[0]
    assert tenant.org_id == organisation["id"]
    assert set(tenant.api_ids) == set(organisation["apis"]) - {"Rates", "Returns"}
    assert set(tenant.key_hashes) == set(organisation["keys"]) - {"driver-app"}
    assert tenant.key_hashes["invoicing"] == token_hash(organisation["keys"]["invoicing"])


def test_traffic_has_the_incident_of_the_file(told):
    begins = datetime.fromisoformat(told["traffic"]["incident"]["begins"])
    incident = seed.traffic(told).incident
    api_id = told["organisations"][0]["apis"]["Shipments"]
    moments = [begins - HOUR / 60, begins, begins + HOUR * 57 / 60, begins + HOUR]
    assert [incident.covers(api_id, moment.timestamp()) for moment in moments] == [False, True, True, False]
    assert not incident.covers(told["organisations"][0]["apis"]["Rates"], begins.timestamp())


def test_nothing_is_older_or_younger_than_what_the_audit_log_says_of_its_making(told):
    for organisation in told["organisations"]:
        with scope.org(organisation["id"]):
            made = {
                (entry.kind, entry.object_id): entry.at
                for entry in AuditEntry.objects.filter(action__endswith=".created")
            }
            apis, keys = list(ApiDefinition.objects.all()), list(Key.objects.all())
            policies = list(Policy.objects.all())
        people = list(User.everyone.filter(org=organisation["id"]))
        held = {("organisation", organisation["id"]): people[0].org.created_at}
        held |= {("user", each.id): each.created_at for each in people}
        held |= {("api", each.id): each.created_at for each in apis}
        held |= {("policy", each.id): each.created_at for each in policies}
        held |= {("key", each.id): each.created_at for each in keys}
        with scope.org(organisation["id"]):
            held |= {("alert", each.id): each.created_at for each in Rule.objects.all()}
        assert made == held
        # First the organisation and its people, then APIs, then policies, then the keys that have them.
        assert max(each.created_at for each in people) < min(each.created_at for each in apis)
        assert max(each.created_at for each in apis) < min(each.created_at for each in policies)
        assert max(each.created_at for each in policies) < min(each.created_at for each in keys)


def test_there_is_an_alert_of_each_kind_and_one_has_found_the_incident_in_the_traffic(told):
    began = datetime.fromisoformat(told["traffic"]["incident"]["begins"])
    with scope.org(told["organisations"][0]["id"]):
        assert {rule.kind for rule in Rule.objects.all()} == set(KINDS)
        incidents = list(Found.objects.select_related("rule"))
        [certificate] = Certificate.objects.all()
    assert certificate.common_name == "shipments.tidewater.example"
    assert {each.rule.name for each in incidents} == {"Shipments fail"}
    first, last = min(incidents, key=lambda each: each.began_at), max(each.ended_at for each in incidents)
    assert began < first.began_at < began + HOUR / 3
    assert began + HOUR / 2 < last < began + HOUR * 3 / 2
    assert all(10 <= each.first <= each.worst <= 60 for each in incidents)


def test_keys_are_as_old_as_their_traffic_needs_and_hold_the_limits_of_the_catalogue(told):
    made = datetime.fromisoformat(told["traffic"]["end"])
    for organisation, source in zip(told["organisations"], catalogue.ORGANISATIONS, strict=True):
        own = {caller.alias: (20 if caller.limited else 500, 60) for caller in source.callers}
        # What has a policy is limited by that.
        own |= {caller.alias: (-1, 0) for caller in source.callers if caller.policy}
        with scope.org(organisation["id"]):
            keys = list(Key.objects.all())
        assert {key.alias: (key.rate, key.per) for key in keys} == own
        assert {(key.created_at, key.updated_at) for key in keys} == {(made - timedelta(weeks=8),) * 2}
        assert {key.created_by for key in keys} == {organisation["users"][0]["email"]}
        assert {(key.revoked_at, key.suspended, key.expires_at) for key in keys} == {(None, False, None)}


def test_every_api_was_published_before_the_traffic_of_four_weeks_begins_and_in_the_order_of_its_history(
    told,
):
    end = datetime.fromisoformat(told["traffic"]["end"])
    for organisation, source in zip(told["organisations"], catalogue.ORGANISATIONS, strict=True):
        with scope.org(organisation["id"]):
            apis = {api.name: api for api in ApiDefinition.objects.all()}
            revisions = {
                name: list(Revision.objects.filter(definition_id=api.id).order_by("number"))
                for name, api in apis.items()
            }
        for place, api in enumerate(source.apis):
            history = revisions[api.name]
            moments = [revision.created_at for revision in history]
            assert moments == sorted(moments)
            assert moments[0] == end - timedelta(weeks=11) + timedelta(days=2 * place, hours=1)
            assert apis[api.name].created_at == moments[0]
            assert apis[api.name].updated_at == moments[-1]
            assert moments[min(1, len(moments) - 1)] < end - timedelta(weeks=4)
            wanted = ["First draft", "Open to callers"] if api.active else ["First draft"]
            assert [revision.message for revision in history][:2] == wanted
            assert {revision.author for revision in history} == {organisation["users"][0]["email"]}
    with scope.org(told["organisations"][0]["id"]):
        messages = list(
            Revision.objects.filter(api_id=told["traffic"]["incident"]["api_id"])
            .order_by("number")
            .values_list("message", flat=True)
        )
    assert messages[2:] == [
        "Move to the new cluster",
        "Back to the old cluster: too many errors on the new one",
    ]


def test_a_definition_is_what_the_catalogue_says_and_hides_its_listening_path_from_the_upstream():
    for organisation in catalogue.ORGANISATIONS:
        for api in organisation.apis:
            made = seed.definition(api)
            assert made["proxy"] == {
                "listen_path": api.listen_path,
                "target_url": api.target_url,
                "strip_listen_path": True,
            }
            assert (made["name"], made["active"], made["use_keyless"]) == (api.name, api.active, api.keyless)


def test_a_revoked_key_has_no_traffic_any_more(told):
    organisation = told["organisations"][1]
    with scope.org(organisation["id"]):
        chosen = Key.objects.filter(token_hash=token_hash(organisation["keys"]["ios-app"]))
        chosen.update(revoked_at=datetime.now(UTC))
    tenants = seed.traffic(told).tenants
    assert set(tenants[1].key_hashes) == set(organisation["keys"]) - {"ios-app"}
    assert set(tenants[0].key_hashes) == set(told["organisations"][0]["keys"])


def test_two_demonstrations_have_neither_secrets_nor_traffic_in_common(db, tmp_path):
    told = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            told.append(seed.seed(tmp_path / name))
            raise ZeroDivisionError
    secret = [
        {
            each["traffic"]["seed"],
            each["super_user"]["password"],
            each["super_user"]["access_key"],
            *(user["password"] for organisation in each["organisations"] for user in organisation["users"]),
            *(token for organisation in each["organisations"] for token in organisation["keys"].values()),
            *(api_id for organisation in each["organisations"] for api_id in organisation["apis"].values()),
        }
        for each in told
    ]
    assert len(secret[0]) == len(secret[1]) == 39
    assert secret[0] & secret[1] == set()
