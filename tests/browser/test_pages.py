"""Every page in a real browser: nothing refused, nothing an accessibility checker finds, nothing too wide."""

import pytest

from apis.definitions.document import compact
from apis.drafts import lifecycle as drafts
from apis.models import ApiDefinition, Asset
from keys.models import BulkAction, Key
from orgs import scope
from orgs.models import Organisation
from tests import make
from tests.browser.conftest import Account
from tests.browser.walk import (
    REMEMBER_VIOLATIONS,
    axe_violations,
    overflow,
    page_names,
    sign_in,
    sign_in_by_form,
    unfold,
    violations,
    walk,
)
from tests.keys import build
from tests.keys.policies import build as policies

pytestmark = pytest.mark.browser
WIDE, PHONE = {"width": 1366, "height": 900}, {"width": 390, "height": 844}
# What the checker may find on a phone alone, and in the dark alone.
RULES_OF_A_PHONE = ("scrollable-region-focusable", "label", "link-name", "button-name", "meta-viewport")
RULES_OF_THE_DARK = ("color-contrast",)


@pytest.fixture
def page(chromium):
    """A window in which violations of the policy and complaints on the console are remembered."""
    window = chromium.new_context(color_scheme="light", viewport=WIDE, reduced_motion="reduce")
    page = window.new_page()
    page.add_init_script(REMEMBER_VIOLATIONS)
    page.complaints = []
    page.on("console", lambda said: said.type in ("error", "warning") and page.complaints.append(said.text))
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    yield page
    window.close()


def problems(page, status: int) -> dict:
    """What is wrong with the open page: on a wide screen in the light, in the dark, and on a phone.

    The checker comes after the policy, over which it trips, and before what covers the page unfolds.
    """
    unfold(page, ":not(.popdown)")
    found = {
        "status": status,
        "policy": violations(page),
        "console": list(page.complaints),
        "axe": axe_violations(page),
    }
    page.emulate_media(color_scheme="dark")
    found["axe in the dark"] = axe_violations(page, RULES_OF_THE_DARK)
    page.emulate_media(color_scheme="light")
    unfold(page, ".popdown")
    found["overflow"] = overflow(page)
    page.set_viewport_size(PHONE)
    found["axe on a phone"] = axe_violations(page, RULES_OF_A_PHONE)
    found["overflow on a phone"] = overflow(page)
    page.set_viewport_size(WIDE)
    page.complaints.clear()
    return found


FINE = {"status": 200, "policy": [], "console": [], "axe": [], "overflow": 0}
FINE |= {"axe in the dark": [], "axe on a phone": [], "overflow on a phone": 0}


LONG = "W" * 180  # no place to break it


def person_with_two_accounts() -> Account:
    """In an organisation that has an API, both with long names, and in another."""
    first, second = make.organisation(LONG, "long"), make.organisation("Other", "other")
    for organisation in (first, second):
        make.user("two@long.example", organisation, {"IsAdmin": "admin"})
    api = build.api(first, LONG, path="/long/")
    policies.policy(first, api, name=LONG, tags=[LONG], id=LONG, meta_data={LONG: LONG})
    return Account("two@long.example", make.PASSWORD)


def test_long_names_make_no_page_too_wide(page, site):
    sign_in_by_form(page, site.url, person_with_two_accounts())
    page.get_by_role("button", name=LONG).click()
    page.wait_for_url("**/o/long/")
    found = {}
    for path in (
        "",
        "apis/",
        "keys/",
        "keys/new/",
        "policies/",
        "policies/new/",
        "people/",
        "analytics/",
        "analytics/hours/",
        "logs/",
        "audit/",
    ):
        status = page.goto(f"{site.url}/o/long/{path}").status
        found[path] = problems(page, status)
    page.goto(f"{site.url}/o/long/policies/")
    page.get_by_role("link", name=LONG).click()
    page.wait_for_url("**/policies/*/")
    policy = page.url
    for path in ("", "definition/", "edit/", "edit/?as=json", "history/", "history/1/", "deletion/"):
        found[f"policy {path}"] = problems(page, page.goto(f"{policy}{path}").status)
    page.goto(f"{policy}edit/")
    page.get_by_label("Rate, requests").fill("77")
    page.get_by_role("button", name="Review changes").click()
    page.get_by_role("button", name="Save revision 2").wait_for()
    page.wait_for_load_state()
    found["review"] = problems(page, 200)
    assert {path: fault for path, fault in found.items() if fault != FINE} == {}


def a_user_and_a_bulk_action(slug: str) -> tuple[Key, BulkAction]:
    """Some user of basic authentication, and some bulk action."""
    org = Organisation.everyone.get(slug=slug)
    api = build.api(org, "With password", use_basic_auth=True)
    user, _ = build.key(
        org,
        api,
        alias="jonas",
        key_id="jonas-the-user",
        secrets={"password": make.PASSWORD, "user_name": "jonas-the-user"},
    )
    with scope.org(org.id):
        arguments = {"tag": "looked at"}
        return user, BulkAction.objects.create(action="tag", arguments=arguments, created_by="test", total=1)


def a_draft(slug: str) -> ApiDefinition:
    """The API of some draft."""
    org = Organisation.everyone.get(slug=slug)
    api = build.api(org, "Drafted", path="/drafted/")
    text = compact(api.definition | {"name": "Another name"})
    with scope.org(org.id):
        drafts.save(api, text, author=make.user("dora@draft.example", org), seen="", started_from=1)
    return api


def a_template(slug: str) -> Asset:
    with scope.org(Organisation.everyone.get(slug=slug).id):
        return Asset.objects.create(
            asset_id="cached", kind="oas-template", name="Cached", data_text='{"x":1}'
        )


def test_no_page_has_a_fault(page, site):
    found = {}

    def look(name: str, path: str) -> None:
        found[name] = problems(page, page.goto(f"{site.url}{path}").status)

    look("sign-in", "/sign-in/")
    sign_in_by_form(page, site.url, person_with_two_accounts())
    page.wait_for_url("**/sign-in/account/")
    look("sign-in-account", "/sign-in/account/")
    page.context.clear_cookies()
    for account, start in ((site.administrator, f"/o/{site.slug}/"), (site.super_user, "/orgs/")):
        sign_in(page, site.url, account)
        for name, status in walk(page, f"{site.url}{start}", f"{site.url}/", set(found)):
            found[name] = problems(page, status)
        page.context.clear_cookies()
    # Nothing links to the password's own address: whoever made a mistake in the form on the profile is there.
    sign_in(page, site.url, site.super_user)
    look("password", "/profile/password/")
    # Of one kind of key, or of one bulk action: the walk looks at one key only.
    own = f"/o/{site.slug}/keys/"
    user, action = a_user_and_a_bulk_action(site.slug)
    look("key-secret", f"{own}{user.id}/secret/")
    look("key-shrink", f"{own}{user.id}/shrinking/")
    look("key-action", f"{own}actions/{action.id}/")
    look("reference-list", f"/o/{site.slug}/apis/references/")
    look("domain-list", f"/o/{site.slug}/apis/domains/")
    template = a_template(site.slug)
    look("asset-detail", f"/o/{site.slug}/templates/{template.id}/")
    look("asset-edit", f"/o/{site.slug}/templates/{template.id}/edit/")
    # The walk has seen the page that asks of which kind.
    look("alert-create", f"/o/{site.slug}/alerts/new/?kind=errors")
    drafted = a_draft(site.slug)
    look("api-review", f"/o/{site.slug}/apis/review/?draft={drafted.id}")
    look("draft-discard", f"/o/{site.slug}/apis/{drafted.id}/draft/deletion/")
    assert {name: fault for name, fault in found.items() if fault != FINE} == {}
    assert set(found) == page_names()
    look("people as a super-user", f"/o/{site.slug}/people/")
    assert found["people as a super-user"] == FINE
