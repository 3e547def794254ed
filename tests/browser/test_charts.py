"""Charts read aloud by keys, and the log list that follows what one types."""

from datetime import UTC, datetime, timedelta

import pytest

from tests import make
from tests.alerts.build import stored_until
from tests.analytics.screens import ago, push
from tests.browser.walk import REMEMBER_VIOLATIONS, sign_in, violations

pytestmark = pytest.mark.browser


@pytest.fixture
def page(chromium, site):
    window = chromium.new_context(viewport={"width": 1366, "height": 900})
    page = window.new_page()
    page.add_init_script(REMEMBER_VIOLATIONS)
    sign_in(page, site.url, site.administrator)
    yield page
    window.close()


def test_arrow_keys_read_the_table_of_a_chart_bucket_by_bucket(page, site):
    page.goto(f"{site.url}/o/{site.slug}/analytics/")
    names = page.locator("#requests-table thead th").all_text_contents()
    rows = [
        row.locator("th, td").all_text_contents() for row in page.locator("#requests-table tbody tr").all()
    ]

    def spoken(row: list[str]) -> list[str]:
        return [row[0], *(f"{name}: {cell}" for name, cell in zip(names[1:-1], row[1:-1], strict=True))]

    plot = page.locator("chart-plot").first
    readout = plot.locator("[aria-live=polite] div")
    plot.focus()
    for key, row in (("ArrowLeft", -1), ("ArrowLeft", -2), ("Home", 0), ("ArrowRight", 1), ("End", -1)):
        page.keyboard.press(key)
        assert (key, readout.all_text_contents()) == (key, spoken(rows[row]))
    page.keyboard.press("Escape")
    assert readout.all_text_contents() == []
    assert violations(page) == []


def test_a_pointer_over_a_chart_reads_the_bucket_below_it(page, site):
    page.goto(f"{site.url}/o/{site.slug}/analytics/")
    area = page.locator("#latency .chart-area")
    box = area.bounding_box()
    area.hover(position={"x": box["width"] / 2, "y": box["height"] / 2})
    row = page.locator("#latency-table tbody tr").nth(48)
    shown = page.locator("#latency .chart-readout div").first.inner_text()
    assert shown == row.locator("th").text_content()


@pytest.fixture
def phone(chromium, site):
    window = chromium.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    page = window.new_page()
    page.add_init_script(REMEMBER_VIOLATIONS)
    sign_in(page, site.url, site.administrator)
    yield page
    window.close()


def first_line(page) -> str:
    """What the read-out of the first chart begins with, "" when it is closed."""
    lines = page.locator("#requests .chart-readout div").all_text_contents()
    return lines[0] if lines else ""


def readout_of(page, label: str):
    return page.locator("#requests .chart-readout", has_text=label)


def test_a_finger_that_drags_over_a_chart_reads_bucket_after_bucket_and_a_tap_elsewhere_closes(phone, site):
    phone.goto(f"{site.url}/o/{site.slug}/analytics/")
    labels = phone.locator("#requests-table tbody th").all_text_contents()
    area = phone.locator("#requests .chart-area")
    area.scroll_into_view_if_needed()
    box = area.bounding_box()
    touch = phone.context.new_cdp_session(phone)

    def finger(kind: str, *points: float) -> None:
        at = [{"x": box["x"] + box["width"] * share, "y": box["y"] + 90} for share in points]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": at})

    # Of the newest time nothing may be known yet: that has buckets, and no rows.
    buckets = int(phone.locator("#requests chart-plot").get_attribute("buckets"))

    def middle(share: float) -> float:
        """That of the bucket which lies there: a window hears of whole pixels."""
        return (int(share * buckets) + 0.5) / buckets

    for kind, share in (("touchStart", 0.25), ("touchMove", 0.4), ("touchMove", 0.5), ("touchMove", 0.6)):
        finger(kind, middle(share))
        readout_of(phone, labels[int(share * buckets)]).wait_for()
    finger("touchEnd")
    assert first_line(phone) == labels[int(0.6 * buckets)]  # it stays when the finger goes
    phone.touchscreen.tap(box["x"] + box["width"] * middle(0.9), box["y"] + 90)
    readout_of(phone, labels[int(0.9 * buckets)]).wait_for()
    phone.touchscreen.tap(195, 5)
    phone.locator("#requests .chart-readout div").first.wait_for(state="detached")
    assert violations(phone) == []


def test_a_click_on_a_bar_offers_its_time_and_its_records(page, site):
    page.goto(f"{site.url}/o/{site.slug}/analytics/")
    area = page.locator("#requests .chart-area")
    box = area.bounding_box()
    rows = page.locator("#requests-table tbody tr")
    requests = [int(cell.replace(",", "")) for cell in rows.locator("td:nth-child(2)").all_text_contents()]
    # Whole quarters of an hour: the first one and the last one are cut. At night there are some without any request.
    busiest = max(range(1, len(requests) - 1), key=requests.__getitem__)
    buckets = int(page.locator("#requests chart-plot").get_attribute("buckets"))
    area.click(position={"x": box["width"] * (busiest + 0.5) / buckets, "y": 90})
    bucket = first_line(page)
    assert bucket == rows.nth(busiest).locator("th").text_content()
    read = page.locator("#requests .chart-readout")
    assert read.locator("a").all_text_contents() == ["Zoom in", "Logs"]
    read.get_by_role("link", name="Zoom in").click()
    page.wait_for_url("**/analytics/?**")
    labels = page.locator("#requests-table tbody th").all_text_contents()
    assert (labels[0], len(labels)) == (bucket, 15)
    # By keys, with the links of the last bucket.
    plot = page.locator("#latency chart-plot")
    plot.focus()
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.textContent") == "Logs"
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.tagName") == "CHART-PLOT"
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    page.wait_for_url("**/logs/?**")
    assert violations(page) == []


def test_what_a_click_keeps_open_closes_on_escape_and_on_a_click_elsewhere(page, site):
    page.goto(f"{site.url}/o/{site.slug}/analytics/")
    area = page.locator("#requests .chart-area")
    box = area.bounding_box()
    for close in (lambda: page.keyboard.press("Escape"), lambda: page.locator("h1").click()):
        area.click(position={"x": box["width"] / 4, "y": 90})
        kept = first_line(page)
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 90)
        assert (kept != "", first_line(page)) == (True, kept)
        close()
        assert first_line(page) == ""


def test_the_log_list_follows_what_one_types_and_keeps_the_focus(page, site):
    page.goto(f"{site.url}/o/{site.slug}/logs/")
    fetched = []
    page.on("request", lambda request: request.resource_type == "fetch" and fetched.append(request.url))
    path = page.get_by_label("Path begins with")
    path.focus()
    # At once: the keys of a busy machine may come so far apart that each is asked for.
    path.evaluate(
        """(field) => {
            for (const letter of "/parcels") {
              field.value += letter;
              field.dispatchEvent(new InputEvent("input", { bubbles: true }));
            }
        }"""
    )
    page.wait_for_url("**/logs/?path=%2Fparcels")
    paths = page.locator("#records tbody td:nth-child(3)").all_text_contents()
    assert paths
    assert [path for path in paths if not path.split()[1].startswith("/parcels")] == []
    assert fetched == [page.url]  # not one for each stroke
    assert page.evaluate("document.activeElement.name") == "path"
    page.reload()
    assert page.get_by_label("Path begins with").input_value() == "/parcels"
    assert violations(page) == []


def test_the_live_log_tries_again_what_failed_and_stops_with_a_word_at_what_is_refused(page, site):
    page.clock.install()
    page.mouse.move(0, 0)  # rows that one points at wait
    asked, loaded = [], []
    answers = [
        lambda route: route.fulfill(status=503, body="Not available at the moment"),
        lambda route: route.abort(),
        lambda route: route.fulfill(status=403, body="<h1>Not allowed</h1>", content_type="text/html"),
    ]

    def answer(route):
        asked.append(route.request.url)
        if answers:
            answers.pop(0)(route)
        else:
            route.continue_()

    page.route("**/logs/?*format=rows*", answer)
    page.goto(f"{site.url}/o/{site.slug}/logs/?live=1")
    page.on("framenavigated", lambda frame: loaded.append(frame.url))
    stopped = page.locator("live-tail [data-stopped]")
    for number in (1, 2, 3):
        assert not stopped.is_visible()
        while len(asked) < number:
            page.clock.run_for(3000)
    stopped.wait_for()
    assert page.locator("live-tail").inner_text().startswith("New requests do not appear any more: they were")
    page.clock.run_for(9000)
    assert (len(asked), loaded) == (3, [])

    stopped.get_by_role("link").click()
    page.locator("live-tail p:first-child:visible").wait_for()
    page.context.clear_cookies(name="session")
    page.clock.run_for(3000)
    page.wait_for_url("**/sign-in/**")


def test_what_the_log_list_offers_follows_its_filters(page, site):
    page.goto(f"{site.url}/o/{site.slug}/logs/")
    page.locator("select[name=status]").select_option("5xx")
    page.wait_for_url("**/logs/?status=5xx")
    addresses = page.locator("#log-actions a").evaluate_all("links => links.map((link) => link.search)")
    assert len(addresses) == 6
    assert [address for address in addresses if "status=5xx" not in address] == []
    assert violations(page) == []


def test_a_pointer_at_a_time_of_which_nothing_is_known_yet_reads_nothing(page, site, redis):
    alpha = make.organisation("Alpha", "alpha")
    sign_in(page, site.url, make.user("ann@alpha.example", alpha, {"analytics": "read"}))
    push(redis, {"OrgID": alpha.id, "TimeStamp": ago(hours=12)})
    stored_until(datetime.now(UTC) - timedelta(hours=8))
    page.goto(f"{site.url}/o/alpha/analytics/")
    area = page.locator("#requests .chart-area")
    box = area.bounding_box()
    for act in (area.hover, area.click):
        for share in (0.25, 0.9):
            act(position={"x": box["width"] * share, "y": 90})
            assert (act.__name__, share, first_line(page) != "") == (act.__name__, share, share == 0.25)
    page.keyboard.press("End")
    page.keyboard.press("ArrowRight")
    assert first_line(page) == page.locator("#requests-table tbody th").last.text_content()
    assert violations(page) == []
