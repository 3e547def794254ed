"""Names of 180 characters in lists of more than a page, at the widths of phones, tablets and desks."""

import pytest

from apis.definitions import kinds
from apis.definitions.document import compact
from apis.definitions.versions import Versioning
from apis.drafts import lifecycle as drafts
from apis.publishing import publish
from dashboard.nodes.models import Node
from orgs import scope
from tests import make
from tests.analytics.screens import ago, push
from tests.browser.conftest import Account
from tests.browser.walk import overflow, sign_in, unfold
from tests.keys import build
from tests.keys.oauth import build as oauth
from tests.keys.policies import build as policies

pytestmark = pytest.mark.browser
WIDTHS = (320, 390, 768, 1280)
LONG = "W" * 180
WORDS = "Shipment status and customs pre-clearance interface for partners of the northern harbours " * 2
# Those of the numbers behind a chart may be wide: there a row is read against its neighbours.
TABLES = "main table:not(.chart-table table)"
TABS = "main .tabs"


@pytest.fixture
def crowded(server, redis, made_once):
    """An organisation whose lists are longer than a page: the site, its administrator, and paths of pages."""
    return server, *made_once("crowded", lambda: many_of_long_names(redis))


def many_of_long_names(redis) -> tuple[Account, list[str]]:
    organisation = make.organisation(LONG, "long", time_zone="America/Argentina/ComodRivadavia")
    person = make.user("ada@long.example", organisation, {"IsAdmin": "admin", "users": "write"})
    person.first_name, person.last_name = "A" * 150, "B" * 150
    person.save()
    make.user(f"{'p' * 60}@{'d' * 60}.{'e' * 60}.example", organisation, {"apis": "read", "keys": "write"})
    made = [
        build.api(organisation, f"{number} {WORDS}"[:180], path=f"/{number}/{'segment/' * 20}")
        for number in range(51)
    ]
    long = build.api(organisation, LONG, path=f"/{LONG}/", api_id="Z" * 150)
    with scope.org(organisation.id):
        apart = Versioning(LONG, LONG, {LONG: long.api_id, WORDS: made[0].api_id, "gone": "Y" * 150})
        definition = kinds.with_versioning(build.definition(LONG[1:], "/based/"), apart)
        based = publish.create(organisation.id, definition, author=None)
    for number in range(51):
        build.key(organisation, *made[: 1 + number % 3], alias=f"{number} {WORDS}"[:180], owner=LONG)
    key, _ = build.key(organisation, long, alias=LONG, tags=["t" * 100], meta_data={"k" * 100: "v" * 1000})
    policy = policies.policy(organisation, *made[:30], long, name=LONG, id=LONG, tags=["t" * 100])
    with scope.org(organisation.id):
        for api in (long, made[0]):
            text = compact(api.definition | {"config_data": {LONG: LONG}})
            drafts.save(api, text, author=person, seen="", started_from=1, message=LONG)
    limits = {"rate": 2_000_000, "quota_max": 2_000_000_000, "quota_renewal_rate": 2_592_000}
    other = policies.policy(organisation, *made[:9], name=WORDS[:180], **limits)
    for number in range(9):
        held, _ = build.key(
            organisation, made[0], alias=f"{number} {WORDS}"[:180], policies=(policy.id, other.id)
        )
    Node.objects.create(session_id="s" * 100, node_id="n", nonce="n", hostname="h" * 180)
    call = {"OrgID": organisation.id, "APIID": long.api_id, "Alias": LONG, "APIKey": key.token_hash}
    call |= {"UserAgent": LONG, "IPAddress": "2001:db8:1234:5678:9abc:def0:1234:5678"}
    push(
        redis,
        *(
            {**call, "TimeStamp": ago(minutes=1), "Path": f"/{LONG}/{status}", "ResponseCode": status}
            for status in (200, 401, 429, 500, 503)
        ),
    )
    pages = ("errors/", "errors/?by=endpoint", "analytics/apis/", "analytics/keys/", "analytics/endpoints/")
    pages += ("analytics/agents/", "analytics/addresses/")
    chosen = "?api=" + "Z" * 150
    pages += (f"errors/{chosen}", f"analytics/{chosen}", f"analytics/keys/{chosen}", f"logs/{chosen}")
    pages += (
        "",
        "apis/",
        "keys/",
        "people/",
        "audit/",
        "nodes/",
        "logs/",
        "analytics/",
        "apis/new/",
        "keys/new/",
        "people/new/",
    )
    pages += tuple(f"apis/{long.id}/{tab}" for tab in ("", "definition/", "edit/", "history/", "deletion/"))
    pages += tuple(f"apis/{based.id}/versions/{page}" for page in ("", "new/"))
    pages += (f"apis/review/?draft={long.id}&draft={made[0].id}", f"apis/{long.id}/draft/deletion/")
    pages += ("apis/drafts/", f"apis/{long.id}/history/1/", f"apis/{long.id}/edit/?as=json")
    pages += tuple(f"keys/{key.id}/{tab}" for tab in ("", "edit/", "revocation/"))
    tabs = ("", "definition/", "edit/", "edit/?as=json", "history/", "history/1/", "deletion/")
    pages += ("policies/", "policies/new/", *(f"policies/{policy.id}/{tab}" for tab in tabs))
    pages += (f"keys/{held.id}/", f"keys/{held.id}/edit/")
    # Names that nothing may break, beside their labels.
    protected = oauth.api(organisation, LONG, path="/protected/")
    client, _ = oauth.client(
        organisation, protected, policies.policy(organisation, protected, name="P" + LONG[1:])
    )
    pages += (f"oauth/{client.id}/",)
    return Account("ada@long.example", make.PASSWORD), [f"/o/long/{page}" for page in pages]


def test_no_page_is_wider_than_its_window_whatever_things_are_called(chromium, crowded):
    url, account, paths = crowded
    window = chromium.new_context()
    page = window.new_page()
    sign_in(page, url, account)
    found = {}
    for path in paths:
        page.goto(f"{url}{path}")
        unfold(page, ":not(.popdown)")
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            found[path, width] = (
                *(overflow(page), wide(page, TABLES), wide(page, TABS)),
                *(thin_columns(page), shifted_columns(page), tall_titles(page)),
            )
    window.close()
    assert {place: fault for place, fault in found.items() if fault != (0, 0, 0, [], [], [])} == {}


def thin_columns(page) -> list[str]:
    """The heads of columns that the fixed widths of others have left no room to be read in."""
    return page.eval_on_selector_all(
        ".list:not(.list-stays) thead th",
        """heads => heads.filter((head) => head.checkVisibility() && head.clientWidth < 24)
            .map((head) => head.textContent)""",
    )


def shifted_columns(page) -> list[str]:
    """The labels of cells that stay where the head of their column has gone, or the other way round."""
    return page.eval_on_selector_all(
        ".list",
        """lists => lists.filter((list) => getComputedStyle(list).display !== "block").flatMap((list) => {
            const heads = list.querySelectorAll("thead th"), row = list.querySelector("tbody tr");
            return [...(row?.cells ?? [])]
                .filter((cell, place) => cell.checkVisibility() !== heads[place]?.checkVisibility())
                .map((cell) => cell.dataset.label);
        })""",
    )


def tall_titles(page) -> list[str]:
    """Titles of more than three lines, which leave a phone no room for anything else."""
    return page.eval_on_selector_all(
        "h1",
        """titles => titles
            .filter((title) => title.clientHeight > 3 * parseFloat(getComputedStyle(title).lineHeight) + 1)
            .map((title) => title.textContent)""",
    )


def wide(page, selector: str) -> int:
    """How many of these are wider than their place, so that they would have to be scrolled sideways."""
    return page.eval_on_selector_all(
        selector, "all => all.filter((each) => each.scrollWidth > each.parentElement.clientWidth).length"
    )


def test_a_list_keeps_its_head_in_sight_and_is_cards_on_a_phone(chromium, crowded):
    url, account, _ = crowded
    window = chromium.new_context(viewport={"width": 1440, "height": 700})
    page = window.new_page()
    sign_in(page, url, account)
    page.goto(f"{url}/o/long/apis/")
    place = page.locator("td[data-label='Listen path']").first
    for width in (1440, 768):
        page.set_viewport_size({"width": width, "height": 700})
        assert place.bounding_box()["width"] > 170  # a path is cut, but can be told from another
    page.set_viewport_size({"width": 1440, "height": 700})
    page.evaluate("scrollTo(0, 1500)")
    assert page.locator("thead th").first.bounding_box()["y"] == 0
    page.set_viewport_size({"width": 390, "height": 700})
    row = page.locator("tbody tr").first
    tops = [cell.bounding_box()["y"] for cell in row.locator("th, td").all()]
    assert tops == sorted(set(tops))  # one below the other
    window.close()


def test_the_filter_by_an_api_stays_in_its_window_whatever_is_chosen(chromium, crowded):
    url, account, _ = crowded
    window = chromium.new_context()
    page = window.new_page()
    sign_in(page, url, account)
    found = {}
    for chosen in ("", "?api=" + "Z" * 150):
        page.goto(f"{url}/o/long/keys/{chosen}")
        for width in (*WIDTHS, 1000):
            page.set_viewport_size({"width": width, "height": 900})
            unfold(page, ".popdown:not([open])")
            box = page.locator(".filters fieldset").bounding_box()
            found[chosen, width] = overflow(page), box["x"] >= 0, box["x"] + box["width"] <= width
    window.close()
    assert set(found.values()) == {(0, True, True)}


def test_a_long_name_is_a_title_of_three_lines_that_can_be_read_whole(chromium, crowded):
    url, account, paths = crowded
    window = chromium.new_context(viewport={"width": 390, "height": 900})
    page = window.new_page()
    sign_in(page, url, account)
    titles = set()
    for path in paths:
        if "/apis/" not in path.removeprefix("/o/long") and "/keys/" not in path.removeprefix("/o/long"):
            continue
        page.goto(f"{url}{path}")
        name = page.locator("h1 .clamp")
        if name.count():
            line = float(name.evaluate("each => getComputedStyle(each).lineHeight").removesuffix("px"))
            assert name.bounding_box()["height"] <= 3 * line + 1
            titles.add(name.get_attribute("title"))
            assert name.get_attribute("title") in name.text_content()
    window.close()
    assert LONG in titles
