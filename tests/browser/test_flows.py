"""What people do, in a real browser: the main flow without scripts, and what scripts and keys add."""

import re

import pytest

from tests.browser.walk import (
    REMEMBER_VIOLATIONS,
    axe_violations,
    sign_in,
    sign_in_by_form,
    violations,
    walk,
)

pytestmark = pytest.mark.browser


@pytest.fixture
def page(chromium):
    window = chromium.new_context(viewport={"width": 1366, "height": 900})
    page = window.new_page()
    page.add_init_script(REMEMBER_VIOLATIONS)
    yield page
    window.close()


@pytest.fixture
def plain_page(chromium):
    """A phone whose browser runs no scripts."""
    window = chromium.new_context(java_script_enabled=False, viewport={"width": 390, "height": 844})
    yield window.new_page()
    window.close()


def test_an_administrator_makes_an_api_and_a_key_and_sees_the_traffic_without_scripts(plain_page, site):
    page, home = plain_page, f"{site.url}/o/{site.slug}"
    sign_in_by_form(page, site.url, site.administrator)
    page.wait_for_url(f"{home}/")

    page.get_by_role("button", name="Menu").click()
    page.get_by_role("link", name="APIs", exact=True).click()
    page.get_by_role("link", name="New API").click()
    page.get_by_label("Name", exact=True).fill("Weather")
    page.get_by_label("Listen path").first.fill("/weather/")
    page.get_by_label("Target URL").fill("http://weather.internal/")
    page.get_by_role("button", name="Publish").click()
    page.get_by_role("heading", level=1, name="Weather", exact=True).wait_for()

    page.goto(f"{home}/keys/new/")
    page.get_by_label("Name (optional)").fill("harbour office")
    page.get_by_label("Weather", exact=True).check()
    page.get_by_role("button", name="Create key").click()
    token = page.locator("#token").inner_text()
    assert re.fullmatch(r"[\w+/=-]{40,}", token) is not None
    page.goto(f"{home}/keys/?q=harbour")
    page.get_by_role("link", name="harbour office").click()
    page.get_by_role("heading", level=1, name="harbour office", exact=True).wait_for()
    assert token not in page.content()

    page.goto(f"{home}/analytics/")
    requests = page.locator(".tile", has_text="Requests").first.locator(".tile-value").inner_text()
    assert int(requests.replace(",", "")) > 100  # of a Sunday, too
    page.get_by_text("Show as table").first.click()
    assert page.locator(".chart-table table").first.is_visible()


def test_the_answer_with_a_new_key_has_no_fault_and_cannot_be_had_again_by_a_reload(page, site):
    sign_in(page, site.url, site.administrator)
    page.goto(f"{site.url}/o/{site.slug}/keys/new/")
    page.get_by_label("Name (optional)").fill("harbour office")
    page.get_by_label("All APIs").check()
    page.get_by_role("button", name="Create key").click()
    token = page.locator("#token").inner_text()
    assert (violations(page), axe_violations(page)) == ([], [])
    page.reload()
    assert token not in page.content()


def test_the_answer_with_a_new_access_key_has_no_fault_and_cannot_be_had_again_by_a_reload(page, site):
    sign_in(page, site.url, site.administrator)
    page.goto(f"{site.url}/profile/")
    page.get_by_role("link", name="Renew the access key").click()
    page.get_by_role("button", name="Renew the access key").click()
    key = page.locator(".secret").inner_text()
    assert re.fullmatch("[0-9a-f]{40}", key) is not None
    assert (violations(page), axe_violations(page)) == ([], [])
    page.reload()
    assert page.locator(".secret").count() == 0
    assert (
        page.get_by_role("status").inner_text()
        == "The access key has been renewed already. It is shown only once."
    )


def test_a_made_password_can_be_copied(page, site):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=site.url)
    sign_in(page, site.url, site.administrator)
    page.goto(f"{site.url}/o/{site.slug}/people/new/")
    page.get_by_label("E-mail address").fill("new@tidewater.example")
    page.get_by_role("button", name="Create the account").click()
    password = page.locator(".secret").inner_text()
    # It says so for a moment only.
    page.locator("copy-button button").evaluate(
        """(button) => {
            window.said = new Promise((say) => {
                new MutationObserver(() => say(button.textContent)).observe(button, { childList: true });
            });
        }"""
    )
    page.get_by_role("button", name="Copy").click()
    assert page.evaluate("window.said") == "Copied"
    assert page.evaluate("navigator.clipboard.readText()") == password
    assert (violations(page), axe_violations(page)) == ([], [])


def test_the_first_stop_of_the_tab_key_leads_past_the_navigation(page, site):
    sign_in(page, site.url, site.administrator)
    page.goto(f"{site.url}/o/{site.slug}/apis/")
    page.keyboard.press("Tab")
    assert page.locator(":focus").inner_text() == "Skip to the content"
    page.keyboard.press("Enter")
    page.locator("main:focus").wait_for()
    page.keyboard.press("Tab")
    assert page.locator("main :focus").count() == 1


def test_a_chosen_theme_holds_against_the_systems_without_scripts(plain_page, site):
    sign_in(plain_page, site.url, site.administrator)
    plain_page.goto(f"{site.url}/profile/")
    plain_page.get_by_role("button", name="Dark").click()
    plain_page.locator("html[data-theme=dark]").wait_for()
    assert plain_page.url == f"{site.url}/profile/"
    assert plain_page.get_by_role("button", name="Dark").get_attribute("aria-pressed") == "true"


@pytest.mark.parametrize("path", ["/o/nowhere/", "/no/such/page/"])
def test_a_missing_page_has_no_fault(page, site, path):
    sign_in(page, site.url, site.administrator)
    answer = page.goto(f"{site.url}{path}")
    assert (answer.status, violations(page), axe_violations(page)) == (404, [], [])


def test_the_administration_breaks_no_policy(page, site):
    complaints = []
    page.on("console", lambda said: said.type == "error" and complaints.append(said.text))
    sign_in(page, site.url, site.super_user)
    found = {}
    for name, status in walk(page, f"{site.url}/django-admin/", f"{site.url}/django-admin/"):
        found[name] = (status, violations(page))
    assert {name: fault for name, fault in found.items() if fault != (200, [])} == {}
    assert complaints == []
    assert len(found) > 10


def test_a_breach_of_the_policy_would_be_noticed(page, server):
    page.goto(f"{server}/sign-in/")
    page.evaluate("document.body.setAttribute('style', 'color: red')")
    assert violations(page) == ["style-src-attr inline"]


def test_a_double_click_makes_one_key_and_shows_its_token(page, site):
    sign_in(page, site.url, site.administrator)
    page.goto(f"{site.url}/o/{site.slug}/keys/new/")
    page.get_by_label("Name (optional)").fill("clicked twice")
    page.get_by_label("All APIs").check()
    # Far enough apart for the browser to send the form twice, near enough for the first answer not to be there.
    page.locator("main form").evaluate(
        "form => { form.requestSubmit(); setTimeout(() => form.requestSubmit(), 25); }"
    )
    assert re.fullmatch(r"[\w+/=-]{40,}", page.locator("#token").inner_text()) is not None
    page.goto(f"{site.url}/o/{site.slug}/keys/?q=clicked")
    assert page.get_by_role("link", name="clicked twice").count() == 1
