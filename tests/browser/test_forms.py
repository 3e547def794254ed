"""Forms in a real browser: what is wrong is led to, APIs are found, what folds out is closed again."""

import pytest

from tests import make
from tests.browser.conftest import Account
from tests.browser.walk import sign_in
from tests.keys import build

pytestmark = pytest.mark.browser


@pytest.fixture
def acme(server, redis):
    """The address of an organisation with 30 APIs, and its administrator."""
    organisation = make.organisation("Acme", "acme")
    make.user("ada@acme.example", organisation, {"IsAdmin": "admin"})
    for number in range(30):
        # No digits: a search looks into ids, too, and those are drawn by lot.
        build.api(organisation, f"API {number:02}", api_id="x" * (number + 1))
    return server, Account("ada@acme.example", make.PASSWORD)


def opened(chromium, acme, **options):
    page = chromium.new_context(viewport={"width": 1280, "height": 900}, **options).new_page()
    sign_in(page, *acme)
    return page


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_an_api_out_of_many_is_found_and_what_was_ticked_stays(chromium, acme, scripts):
    page = opened(chromium, acme, java_script_enabled=scripts)
    page.goto(f"{acme[0]}/o/acme/keys/new/")
    page.get_by_label("Name (optional)").fill("harbour")
    page.get_by_label("API 03").check()
    page.get_by_label("Name or ID of an API").fill("28")
    if not scripts:
        page.get_by_role("button", name="Find").click()
    page.get_by_label("API 28").check()
    assert page.get_by_label("API 03").is_checked()
    page.get_by_role("button", name="Create key").click()
    page.locator("#token").wait_for()
    page.goto(f"{acme[0]}/o/acme/keys/?q=harbour")
    assert page.locator("td[data-label=Opens]").inner_text() == "2 APIs"


def test_a_search_that_fails_is_tried_once_more_and_loses_nothing_that_was_entered(chromium, acme):
    page = opened(chromium, acme)
    broken = []

    def answer(route):
        if route.request.resource_type == "fetch" and broken:
            broken.pop(0)(route)
        else:
            route.continue_()

    page.route("**/keys/new/", answer)
    page.goto(f"{acme[0]}/o/acme/keys/new/")
    name, search = page.get_by_label("Name (optional)"), page.get_by_label("Name or ID of an API")
    find = page.get_by_role("button", name="Find")
    failed, signed_out = page.locator("[aria-live] [data-say]").all()
    name.fill("harbour")
    page.get_by_label("API 03").check()

    broken[:] = [lambda route: route.fulfill(status=503, body="Not available at the moment")]
    search.fill("28")
    page.get_by_label("API 28").wait_for()
    assert not failed.is_visible()

    broken[:] = [lambda route: route.abort(), lambda route: route.fulfill(status=500, body="")]
    search.fill("29")
    failed.wait_for()
    assert "could not be searched just now" in failed.inner_text()
    find.click()
    page.get_by_label("API 29").wait_for()
    assert not failed.is_visible()

    # The first answer is overtaken: it does not know of what was chosen since.
    broken[:] = [lambda route: None]
    with page.expect_request(lambda request: request.resource_type == "fetch"):
        search.fill("27")
    page.get_by_label("API 29").check()
    page.get_by_label("API 27").wait_for()
    assert page.get_by_label("API 29").is_checked()

    page.context.clear_cookies(name="session")
    find.click()
    signed_out.wait_for()
    # Signed in again, the token of the form is another one.
    page.context.clear_cookies()
    sign_in(page, *acme)
    search.fill("26")
    page.get_by_label("API 26").check()
    assert not signed_out.is_visible()
    assert (name.input_value(), page.get_by_label("API 03").is_checked()) == ("harbour", True)
    page.get_by_role("button", name="Create key").click()
    page.locator("#token").wait_for()
    page.goto(f"{acme[0]}/o/acme/keys/?q=harbour")
    assert page.locator("td[data-label=Opens]").inner_text() == "3 APIs"


def test_a_refused_form_puts_the_focus_where_its_faults_are_listed_and_leads_to_them(chromium, acme):
    page = opened(chromium, acme)
    page.goto(f"{acme[0]}/o/acme/apis/new/")
    page.get_by_label("Name", exact=True).fill("Orders")
    page.get_by_label("Listen path").first.fill("orders")
    page.get_by_label("Target URL").fill("upstream")
    page.get_by_role("button", name="Publish").last.click()
    page.locator("[role=alert]:focus").wait_for()
    assert page.evaluate("document.activeElement.getAttribute('role')") == "alert"
    page.locator("[role=alert]").get_by_role("link", name="Target URL").click()
    page.locator("#id_target_url:focus").wait_for()
    assert page.locator("#id_target_url").get_attribute("aria-invalid") == "true"


def test_a_form_that_was_answered_with_a_file_can_be_sent_again(chromium, acme):
    page = opened(chromium, acme)
    page.goto(f"{acme[0]}/o/acme/apis/")
    page.get_by_label("API 03").check()
    page.get_by_text("Act on many APIs at once").click()
    send = page.get_by_role("button", name="See what would change…")
    page.locator("#bulk select").select_option("export")
    for _ in range(2):
        with page.expect_download() as download:
            send.click()
        assert download.value.suggested_filename == "apis-acme.zip"
    page.locator("#bulk select").select_option("deactivate")
    send.click()
    page.wait_for_url("**/apis/actions/")


def test_what_folds_out_is_closed_by_escape_and_by_a_click_beside_it(chromium, acme):
    page = opened(chromium, acme)
    page.goto(f"{acme[0]}/o/acme/analytics/")
    fold = page.locator("details.popdown").first
    fold.locator("summary").click()
    assert fold.get_attribute("open") is not None
    page.keyboard.press("Escape")
    assert fold.get_attribute("open") is None
    fold.locator("summary").click()
    page.locator("h1").click()
    assert fold.get_attribute("open") is None


def test_what_is_refused_stands_beside_its_line_and_leads_there(chromium, acme):
    page = opened(chromium, acme)
    page.goto(f"{acme[0]}/o/acme/apis/new/?as=json")
    page.get_by_label("Definition").fill('{\n"name": "x",\n"active": "yes", "proxy": 1}')
    gutter = page.locator(".editor-gutter > div > div")
    gutter.nth(2).wait_for()  # drawn with the next frame
    assert gutter.all_inner_texts() == ["1", "2", "3"]
    page.get_by_role("button", name="Publish").last.click()
    beside = page.locator(".editor-lines > div > div")
    beside.nth(2).wait_for()
    assert [line.strip("\u200b") for line in beside.all_inner_texts()] == [
        "{",
        '"name": "x",',
        '"active": "yes", "proxy": 1}\u200bmust be true or false. must be an object.',
    ]
    page.get_by_role("link", name="Line 3").last.click()
    area = page.locator("textarea.editor")
    assert area.evaluate("area => area.value.slice(area.selectionStart, area.selectionEnd)") == (
        '"active": "yes", "proxy": 1}'
    )
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    page.keyboard.type("[")
    assert area.input_value().endswith("1}\n[")

    # What is folded away keeps the numbers of the lines below, is not edited unseen, and is sent.
    area.fill('{\n "name": "x",\n "proxy": {\n  "listen_path": "/x/",\n  "target_url": 5\n }\n}')
    page.get_by_role("button", name="Fold all", exact=True).click()
    folded = '{\n "name": "x",\n "proxy": { ⋯2 more·1⋯\n }\n}'
    assert area.input_value() == folded
    gutter.get_by_text("4", exact=True).wait_for(state="detached")
    assert gutter.all_inner_texts() == ["1", "2", "3", "6", "7"]
    area.evaluate("area => area.setSelectionRange(area.value.indexOf('⋯'), area.value.indexOf('⋯'))")
    page.keyboard.type("q")
    assert "q" not in area.input_value() and area.input_value().count("\n") == 6
    page.get_by_role("button", name="Fold all", exact=True).click()
    page.get_by_role("button", name="Publish").last.click()
    page.get_by_role("link", name="Line 5").wait_for()
    assert area.input_value().count("\n") == 6
