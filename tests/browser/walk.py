"""A walk along the links of the site, and what a browser finds wrong with a page."""

from collections.abc import Collection, Iterator
from typing import Any
from urllib.parse import urlsplit

from django.urls import URLPattern, get_resolver, resolve

from orgs.access import declared
from orgs.models import User
from tests import make

# Answer a GET with a redirect; the token's page is an answer to a form, looked at in test_flows.
NOT_PAGES = {"home", "key-token"}
REMEMBER_VIOLATIONS = """
  window.violations = [];
  document.addEventListener("securitypolicyviolation",
    (event) => window.violations.push(`${event.violatedDirective} ${event.blockedURI}`));
"""


def page_names() -> set[str]:
    """The names of all pages for people: every URL that a browser may GET, but for Django's admin."""
    found = set()
    for pattern in patterns(get_resolver().url_patterns):
        rule = declared(pattern.callback)
        if (
            pattern.name
            and rule is not None
            and rule.caller in ("anyone", "session", "super")
            and "GET" in rule.methods
        ):
            found.add(pattern.name)
    return found - NOT_PAGES


def patterns(given: list) -> Iterator[URLPattern]:
    for each in given:
        if isinstance(each, URLPattern):
            yield each
        elif each.namespace != "admin":
            yield from patterns(each.url_patterns)


def view_name(address: str) -> str:
    return resolve(urlsplit(address).path).view_name


def walk(page: Any, start: str, within: str, known: Collection[str] = ()) -> Iterator[tuple[str, int]]:
    """Follow links from `start` to one page of each view under `within`: (view name, status).

    Views which are `known` are not looked at again; Django's admin is a walk of its own.
    """
    seen, waiting = {view_name(start), *known}, [start]
    in_admin = view_name(start).startswith("admin:")
    while waiting:
        address = waiting.pop(0)
        response = page.goto(address)
        for link in page.eval_on_selector_all("a[href]", "links => links.map(link => link.href)"):
            if not link.startswith(within) or "format=csv" in link:
                continue
            name = view_name(link)
            if name not in seen and name.startswith("admin:") == in_admin:
                seen.add(name)
                waiting.append(link)
        yield view_name(page.url), response.status


def sign_in(page: Any, url: str, account: Any) -> None:
    """Have the person signed in in this window, as if the form had been sent, which takes longer."""
    [cookie] = make.signed_in(User.everyone.get(email=account.email)).cookies.values()
    page.context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": url}])


def sign_in_by_form(page: Any, url: str, account: Any) -> None:
    page.goto(f"{url}/sign-in/")
    page.get_by_label("E-mail address").fill(account.email)
    page.get_by_label("Password").fill(account.password)
    page.get_by_role("button", name="Sign in").click()


def unfold(page: Any, selector: str) -> None:
    """Open what is folded away, so that it is looked at too."""
    page.eval_on_selector_all(
        f"details{selector}", "folded => folded.forEach((each) => { each.open = true; })"
    )


def overflow(page: Any) -> int:
    """By how many pixels the page is wider than the window."""
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


def violations(page: Any) -> list[str]:
    return page.evaluate("window.violations")


def axe_violations(page: Any, rules: Collection[str] = ()) -> list[str]:
    """What the checker finds by these of its rules, or by all that it has on by default."""
    from axe_playwright_python.base import AXE_SCRIPT  # noqa: PLC0415  of an extra that may be absent

    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    # Nothing is read of what passes, and to name it takes longer than to find it.
    options = {"resultTypes": ["violations"]} | ({"runOnly": list(rules)} if rules else {})
    return page.evaluate(
        """async (options) => (await axe.run(options)).violations.flatMap(
            (each) => each.nodes.map((node) => `${each.id}: ${JSON.stringify(node.target)}`))""",
        options,
    )
