"""Slugs of organisations have one case, at every door."""

import json
from io import StringIO

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import IntegrityError, transaction
from django.utils import timezone

from orgs import refusals, scope
from orgs.models import AuditEntry, Organisation, User
from orgs.organisations import lifecycle, locks
from orgs.organisations.limits import LIMITS
from tests import make

JSON = "application/json"


def test_a_slug_is_stored_in_lower_case_at_every_door(cast, client_for, admin_client):
    limits = {name: limit.default for name, limit in LIMITS.items()} | {"min_key_id_length": 16}
    form = {"owner_name": "A", "slug": "Big-A", "time_zone": "UTC", "enabled": "on", **limits}
    client_for(cast.super_user).post("/orgs/new/", form)
    client_for(cast.super_user).post("/django-admin/orgs/organisation/add/", {**form, "slug": "Big-B"})
    admin_client.post("/admin/organisations", {"owner_name": "C", "owner_slug": "Big-C"}, JSON)
    out = StringIO()
    call_command("bootstrap", "--neworg", "--org-name", "D", "--org-slug", "Big-D", "--json", stdout=out)
    assert json.loads(out.getvalue())["org_slug"] == "big-d"
    lifecycle.change(cast.globex, slug="Big-E")
    slugs = Organisation.everyone.filter(slug__istartswith="big-").order_by("slug")
    assert list(slugs.values_list("slug", flat=True)) == ["big-a", "big-b", "big-c", "big-d", "big-e"]


def test_two_organisations_cannot_differ_in_case_alone(cast):
    with pytest.raises(ValidationError):
        lifecycle.create(owner_name="Other", slug="ACME")
    with pytest.raises(IntegrityError), transaction.atomic():
        make.organisation("Other", "ACME")


@pytest.mark.parametrize("spelling", ["ACME", "Acme"])
def test_another_spelling_leads_to_the_address(cast, client_for, spelling):
    for user in (cast.acme_admin, cast.super_user):
        answer = client_for(user).get(f"/o/{spelling}/people/?q=%2F{spelling}%2F")
        assert (answer.status_code, answer["Location"]) == (307, f"/o/acme/people/?q=%2F{spelling}%2F")
        answer = client_for(user).post(f"/o/{spelling}/people/{cast.acme_member.pk}/activation/", {})
        assert answer["Location"] == f"/o/acme/people/{cast.acme_member.pk}/activation/"
    answers = [client_for(cast.globex_admin).get(f"/o/{slug}/people/") for slug in (spelling, "Nowhere")]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].content == answers[1].content


def test_a_user_joins_by_a_slug_in_any_case(cast):
    call_command(
        "bootstrap", "--newuser", "--org", "ACME", "--email", "n@acme.example", "--json", stdout=StringIO()
    )
    assert cast.acme.users.filter(email="n@acme.example").count() == 1


def slug_of(name: str, **values: str) -> str:
    return lifecycle.create(owner_name=name, **values).slug


def test_a_missing_slug_is_made_of_the_name_and_counted_on_where_it_is_taken(db):
    assert [slug_of("Big  Company, Ltd.") for _ in range(4)] == [
        "big-company-ltd",
        "big-company-ltd-2",
        "big-company-ltd-3",
        "big-company-ltd-4",
    ]
    assert [slug_of("Büro Süd"), slug_of("株式会社"), slug_of("!!"), slug_of("…", slug="")] == [
        "buro-sud",
        "organisation",
        "organisation-2",
        "organisation-3",
    ]
    assert [slug_of("x" * 200), slug_of("x" * 200)] == ["x" * 50, f"{'x' * 50}-2"]


def test_a_gap_between_numbers_is_taken_first(db):
    for slug in ("gap", "gap-2", "gap-4"):
        make.organisation("Gap", slug)
    assert [slug_of("Gap") for _ in range(2)] == ["gap-3", "gap-5"]


def test_a_slug_that_was_chosen_and_is_taken_is_refused_by_the_name_of_its_field(cast):
    with pytest.raises(ValidationError) as refused:
        lifecycle.create(owner_name="Other", slug="acme")
    assert list(refused.value.message_dict) == ["slug"]


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"owner_name": ""}, "owner_name"),
        ({"owner_name": "x" * 201}, "owner_name"),
        ({"slug": "no spaces"}, "slug"),
        ({"time_zone": "Europe/Nowhere"}, "time_zone"),
        ({"time_zone": "CET"}, "time_zone"),
        ({"time_zone": ""}, "time_zone"),
        ({"max_keys": -1}, "max_keys"),
    ],
)
def test_what_an_organisation_cannot_be_is_refused_when_it_is_made_and_when_it_is_changed(
    cast, values, field
):
    with pytest.raises(ValidationError) as refused:
        lifecycle.create(**{"owner_name": "Other", **values})
    assert list(refused.value.message_dict) == [field]
    with pytest.raises(ValidationError) as refused:
        lifecycle.change(cast.acme, **values)
    assert list(refused.value.message_dict) == [field]
    stored = Organisation.everyone.get(pk=cast.acme.pk)
    assert (stored.owner_name, stored.slug, stored.time_zone, stored.change_number) == (
        "Acme Retail",
        "acme",
        "UTC",
        1,
    )
    assert Organisation.everyone.count() == 2


def test_an_empty_slug_leaves_the_one_there_is_and_extra_members_stay(cast):
    lifecycle.change(cast.acme, slug="", extra={"a": 1, "b": {"c": 2}})
    lifecycle.change(cast.acme, extra={"b": 3})
    lifecycle.change(cast.acme, owner_name="Acme", slug="")
    stored = Organisation.everyone.get(pk=cast.acme.pk)
    assert (stored.slug, stored.owner_name, stored.extra) == ("acme", "Acme", {"a": 1, "b": 3})


def entries(organisation: Organisation) -> list[tuple[str, dict]]:
    with scope.org(organisation.id):
        return list(AuditEntry.objects.order_by("at", "id").values_list("action", "changes"))


def test_a_change_counts_up_and_says_what_was_before_and_one_that_changes_nothing_does_not(cast):
    lifecycle.change(cast.acme, owner_name="Acme", time_zone="Asia/Tokyo", expected=1)
    lifecycle.change(cast.acme, owner_name="Acme", slug="ACME", expected=1)
    assert Organisation.everyone.get(pk=cast.acme.pk).change_number == 2
    assert entries(cast.acme) == [
        (
            "organisation.changed",
            {"owner_name": ["Acme Retail", "Acme"], "time_zone": ["UTC", "Asia/Tokyo"]},
        )
    ]
    with pytest.raises(refusals.Stale):
        lifecycle.change(cast.acme, owner_name="Late", expected=1)
    with pytest.raises(refusals.Stale):
        lifecycle.delete(cast.acme, expected=1)
    assert Organisation.everyone.get(pk=cast.acme.pk).owner_name == "Acme"


def test_a_form_that_is_sent_twice_makes_one_organisation_and_answers_with_it(db):
    token = "f" * 32
    made = lifecycle.create(owner_name="Nova", form_token=token)
    for name in ("Nova", "Another", ""):
        with pytest.raises(lifecycle.AlreadyMade) as refused:
            lifecycle.create(owner_name=name, form_token=token)
        assert refused.value.organisation == made
    assert lifecycle.create(owner_name="Nova", form_token="e" * 32).slug == "nova-2"
    assert Organisation.everyone.count() == 2


def test_of_a_deleted_organisation_the_row_stays_and_nobody_of_it_gets_in(cast):
    key_of = dict.fromkeys(User.everyone.filter(org=cast.acme).values_list("id", flat=True), None)
    for number, pk in enumerate(key_of):
        User.everyone.filter(pk=pk).update(access_key_hash=f"{number:064}")
    before = timezone.now()
    lifecycle.delete(cast.acme, actor=cast.super_user, expected=1)
    stored = Organisation.everyone.get(pk=cast.acme.pk)
    assert (stored.slug, stored.owner_name) == (f"deleted-{cast.acme.pk}", "Acme Retail")
    assert (stored.enabled, stored.change_number) == (False, 2)
    assert before <= stored.deleted_at <= timezone.now()
    people = User.everyone.filter(org=cast.acme).values_list("is_active", "access_key_hash", "change_number")
    assert list(people) == [(False, None, 2)] * 2
    others = User.everyone.filter(org=cast.globex).values_list("is_active", "change_number")
    assert list(others) == [(True, 1)] * 2
    assert list(Organisation.everyone.present()) == [cast.globex]
    assert slug_of("Acme") == "acme"
    with pytest.raises(locks.Departed):
        lifecycle.change(cast.acme, owner_name="Again")
    with pytest.raises(locks.Departed):
        lifecycle.delete(cast.acme)


def test_only_being_disabled_ends_the_sessions_of_an_organisations_people(cast):
    def rounds() -> list[int]:
        found = User.everyone.filter(org__in=(cast.acme, cast.globex)).order_by("org__slug", "id")
        return list(found.values_list("session_round", flat=True))

    lifecycle.change(cast.acme, owner_name="Acme")
    assert rounds() == [0, 0, 0, 0]
    lifecycle.change(cast.acme, enabled=False)
    assert rounds() == [1, 1, 0, 0]
    lifecycle.change(cast.acme, enabled=True)
    assert rounds() == [1, 1, 0, 0]


STATEMENTS = {"creation": 9, "change": 10, "deletion": 19}


def write(name: str, row: Organisation) -> None:
    if name == "creation":
        lifecycle.create(owner_name="Nova", slug="nova")
    elif name == "change":
        lifecycle.change(row, owner_name="Late")
    else:
        lifecycle.delete(row)


@pytest.mark.parametrize("others", [0, 20])
@pytest.mark.parametrize("name", STATEMENTS)
def test_a_change_of_an_organisation_takes_its_statements_whichever_else_there_are(
    cast, django_assert_num_queries, name, others
):
    for number in range(others):
        make.organisation(f"Other {number}", f"other-{number}")
        make.user(f"more{number}@acme.example", cast.acme)
    row = Organisation.everyone.get(pk=cast.acme.pk)
    with scope.nobody(), transaction.atomic(), django_assert_num_queries(STATEMENTS[name]):
        write(name, row)
