"""Several accounts of one person: which one to enter, and going from one to another."""

import re
import time

import pytest
from django.test import Client

from orgs import scope
from orgs.models import AuditEntry, PlatformAuditEntry, User
from orgs.organisations import lifecycle
from orgs.people import accounts
from orgs.signing_in import sessions
from tests import make
from tests.make import PASSWORD

EMAIL = "eve@everywhere.example"
OTHER = "a password of another account"


def sign_in(client: Client, password: str = PASSWORD, **more):
    return client.post("/sign-in/", {"email": EMAIL, "password": password, **more})


def offered(answer) -> dict[str, str]:
    """Name -> account, of the page that asks which."""
    found = re.findall(
        r'<button class="button button-name" name="account" value="(\w+)">([^<]*)<', answer.content.decode()
    )
    return {name: account for account, name in found}


def switchable(answer) -> dict[str, str]:
    """Name -> account, of the switcher."""
    page = answer.content.decode()
    if 'id="switch-account"' not in page:
        return {}
    found = re.findall(r'<option value="(\w{24})"(?: selected)?>([^<]*)</option>', page)
    return {name: account for account, name in found}


@pytest.fixture
def two(cast) -> tuple[User, User]:
    return make.user(EMAIL, cast.acme), make.user(EMAIL, cast.globex)


def test_with_several_accounts_the_person_is_asked_which_and_seven_can_all_be_entered(db):
    orgs = [make.organisation(f"Org {number}", f"org-{number}") for number in range(7)]
    accounts = {org.owner_name: make.user(EMAIL, org).pk for org in orgs}
    for org in orgs:
        client = Client()
        assert sign_in(client)["Location"] == "/sign-in/account/"
        assert client.get("/profile/").status_code == 302
        page = client.get("/sign-in/account/")
        assert (offered(page), list(offered(page))) == (accounts, sorted(accounts))
        chosen = client.post("/sign-in/account/", {"account": accounts[org.owner_name]})
        assert (chosen.status_code, chosen["Location"]) == (302, "/")
        assert client.get("/")["Location"] == f"/o/{org.slug}/"


def test_a_super_users_account_is_all_organisations_and_comes_first(cast):
    make.user(EMAIL, cast.acme)
    own = make.user(EMAIL, None)
    client = Client()
    sign_in(client)
    assert list(offered(client.get("/sign-in/account/"))) == ["All organisations", "Acme Retail"]
    client.post("/sign-in/account/", {"account": own.pk})
    assert client.get("/orgs/").status_code == 200


def test_one_account_is_entered_at_once_and_shows_no_switcher(cast, client_for):
    make.user(EMAIL, cast.acme)
    client = Client()
    assert sign_in(client)["Location"] == "/"
    assert client.get("/sign-in/account/")["Location"] == "/sign-in/"
    assert switchable(client.get("/profile/")) == {}


def test_after_the_choice_one_is_where_one_wanted_to_go(two):
    client = Client()
    sign_in(client, next="/o/globex/people/")
    assert client.post("/sign-in/account/", {"account": two[1].pk})["Location"] == "/o/globex/people/"
    assert client.get("/sign-in/account/")["Location"] == "/sign-in/"


def test_only_accounts_that_the_password_opened_are_offered_and_entered(cast, two):
    shared = make.user(EMAIL, make.organisation("Initech", "initech"))
    accounts.set_password(shared, OTHER)
    client = Client()
    sign_in(client)
    assert list(offered(client.get("/sign-in/account/"))) == ["Acme Retail", "Globex"]
    for account in (shared.pk, cast.acme_admin.pk, "", "\x00", "x" * 9_000):
        answer = client.post("/sign-in/account/", {"account": account})
        assert (answer.status_code, list(offered(answer))) == (200, ["Acme Retail", "Globex"])
    assert client.get("/profile/").status_code == 302
    client.post("/sign-in/account/", {"account": two[0].pk})
    assert list(switchable(client.get("/profile/"))) == ["Acme Retail", "Globex"]
    client.post("/switch-account/", {"account": shared.pk})
    assert client.get("/")["Location"] == "/o/acme/"


def test_who_makes_an_account_with_somebodys_address_is_offered_his_own_alone(cast):
    make.user(EMAIL, cast.acme)
    accounts.create_user(org=cast.globex, email=EMAIL, password=OTHER, actor=cast.globex_admin)
    client = Client()
    assert sign_in(client, OTHER)["Location"] == "/"
    assert (client.get("/")["Location"], switchable(client.get("/profile/"))) == ("/o/globex/", {})


@pytest.mark.parametrize("end", ["deactivated", "disabled", "new password", "sessions ended", "deleted"])
def test_what_was_opened_is_looked_at_again_on_choosing_and_on_switching(cast, two, end):
    choosing, switching = Client(), Client()
    sign_in(choosing)
    sign_in(switching)
    switching.post("/sign-in/account/", {"account": two[0].pk})
    target = User.everyone.get(pk=two[1].pk)
    {
        "deactivated": lambda: accounts.change_user(target, is_active=False),
        "disabled": lambda: lifecycle.change(cast.globex, enabled=False),
        "new password": lambda: accounts.set_password(target, OTHER),
        "sessions ended": lambda: accounts.end_sessions(target),
        "deleted": lambda: accounts.delete_user(target),
    }[end]()
    assert list(offered(choosing.get("/sign-in/account/"))) == ["Acme Retail"]
    choosing.post("/sign-in/account/", {"account": two[1].pk})
    assert choosing.get("/profile/").status_code == 302
    assert switchable(switching.get("/profile/")) == {}
    switching.post("/switch-account/", {"account": two[1].pk})
    assert switching.get("/")["Location"] == "/o/acme/"


def test_the_choice_lasts_ten_minutes(two, monkeypatch):
    client = Client()
    sign_in(client)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + sessions.CHOICE_SECONDS + 1)
    assert client.post("/sign-in/account/", {"account": two[0].pk})["Location"] == "/sign-in/"
    assert client.get("/profile/").status_code == 302


def test_nothing_is_chosen_or_switched_by_following_a_link(two):
    client = Client()
    sign_in(client)
    client.get(f"/sign-in/account/?account={two[0].pk}")
    assert client.get("/profile/").status_code == 302
    client.post("/sign-in/account/", {"account": two[0].pk})
    refused = client.get(f"/switch-account/?account={two[1].pk}")
    assert (refused.status_code, refused["Allow"]) == (405, "POST")
    assert "Go back and use the button." in refused.content.decode()


@pytest.mark.parametrize(
    ("path", "following"), [("/switch-account/", "/"), ("/profile/theme/", "/"), ("/profile/", "/profile/")]
)
def test_who_was_signed_out_before_sending_a_form_is_led_to_a_page_afterwards(cast, path, following):
    client = Client()
    sent_away = client.post(path)
    assert sent_away["Location"] == f"/sign-in/?next={following}"
    entered = client.post(
        sent_away["Location"], {"email": cast.acme_admin.email, "password": PASSWORD}, follow=True
    )
    assert entered.status_code == 200


def test_the_session_key_is_a_new_one_at_each_step(two):
    client = Client()
    keys = []
    for step in (
        lambda: sign_in(client),
        lambda: client.post("/sign-in/account/", {"account": two[0].pk}),
        lambda: client.post("/switch-account/", {"account": two[1].pk}),
        lambda: client.post("/switch-account/", {"account": two[0].pk}),
    ):
        step()
        keys.append(client.session.session_key)
    assert (len(set(keys)), None in keys) == (4, False)


def test_switching_leads_to_the_other_organisation_and_is_audited_there(cast, two):
    client = Client()
    sign_in(client)
    client.post("/sign-in/account/", {"account": two[0].pk})
    assert switchable(client.get("/o/acme/")) == {"Acme Retail": two[0].pk, "Globex": two[1].pk}
    assert client.get("/o/globex/").status_code == 404
    assert client.post("/switch-account/", {"account": two[1].pk})["Location"] == "/"
    assert (client.get("/")["Location"], client.get("/o/acme/").status_code) == ("/o/globex/", 404)
    assert list(switchable(client.get("/o/globex/"))) == ["Acme Retail", "Globex"]
    audited = {}
    for org in (cast.acme, cast.globex):
        with scope.org(org.id):
            audited[org.slug] = list(AuditEntry.objects.values_list("action", "actor_id", "object_id"))
    assert audited == {
        "acme": [("user.signed-in", two[0].pk, two[0].pk)],
        "globex": [("user.switched-account", two[1].pk, two[1].pk)],
    }


def test_switching_to_all_organisations_is_audited_on_the_platform(cast):
    member, own = make.user(EMAIL, cast.acme), make.user(EMAIL, None)
    client = Client()
    sign_in(client)
    client.post("/sign-in/account/", {"account": member.pk})
    client.post("/switch-account/", {"account": own.pk})
    assert list(PlatformAuditEntry.objects.values_list("action", "actor_id")) == [
        ("user.switched-account", own.pk)
    ]


def test_a_new_password_of_ones_own_keeps_the_way_back_to_the_account(two):
    client = Client()
    sign_in(client)
    client.post("/sign-in/account/", {"account": two[0].pk})
    client.post("/profile/password/", {"password-current": PASSWORD, "password-new": OTHER})
    client.post("/switch-account/", {"account": two[1].pk})
    client.post("/switch-account/", {"account": two[0].pk})
    assert client.get("/")["Location"] == "/o/acme/"


def test_signing_out_ends_the_way_to_the_other_accounts(two):
    client = Client()
    sign_in(client)
    client.post("/sign-in/account/", {"account": two[0].pk})
    client.post("/sign-out/")
    assert client.post("/switch-account/", {"account": two[1].pk})["Location"].startswith("/sign-in/?")
    assert client.get("/sign-in/account/")["Location"] == "/sign-in/"
