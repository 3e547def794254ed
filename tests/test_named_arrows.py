"""The arrows again, for what is named by a text and not imported: whoever names a thing of an app above depends on it.

A name is, in Python, outside docstrings:
- of a module: a text that is a dotted path into one of our packages and leads to a file;
- of a template: a text that ends in `.html`, which belongs to the app of its folder;
- of a URL: the first argument of `reverse`, `redirect` and `resolve_url`, the `url_name` of an Entry, and any text that
  is a name with a hyphen;
- of a permission, which belongs to the app that words it (orgs.declarations): the first argument of `may`, the second
  of `access`, the fifth of an Entry;
- of a kind of audited object: the second argument of `record` and `record_all`, `kind=` of a filter, and any
  text `kind.verb`;
and in a template what `url`, `include`, `extends` and `load` name. Templates of no app are the composition root's.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from django.apps import apps

from tests.test_arrows import ALLOWED, ROOT, file_of, modules, part

FOLDERS = {
    "orgs": "orgs",
    "apis": "apis",
    "keys": "keys",
    "nodes": "dashboard.nodes",
    "analytics": "dashboard.analytics",
    "alerts": "dashboard.alerts",
}
# Links up, to pages of whatever stands above. Each is shown to those who may follow it, and goes with its app.
LINKS_UP = {
    ("orgs/signing_in/views.py", "org-home"): "whoever signs in begins on the page of his organisation",
    ("orgs/providers/usage.py", "analytics"): "who sees traffic beside a thing",
    ("orgs/providers/blast_radius.py", "analytics"): "who sees it before a thing is ended",
    ("keys/dry_run/views.py", "analytics"): "who sees what a change would have refused",
    ("apis/rest.py", "analytics"): "who is told whom a change meets",
    ("keys/keys/rest.py", "analytics"): "who is told whom a change meets",
    ("keys/oauth/rest.py", "analytics"): "who is told whom a change meets",
    ("keys/policies/rest.py", "analytics"): "who is told whom a change meets",
    ("orgs/providers/callers.py", "analytics"): "who is told which keys are called",
    ("orgs/providers/last_week.py", "analytics"): "who sees it before an API is changed",
    ("orgs/providers/turned_away.py", "analytics"): "who sees whom a change of an API refuses",
    ("orgs/providers/openers.py", "keys"): "who is told how many keys a change concerns",
    ("apis/gateways/attention.py", "node-list"): "where a delivery that hangs is looked into",
    ("apis/gateways/attention.py", "key-list"): "where a delivery that hangs is looked into",
    ("templates/orgs/organisation_form.html", "org-home"): "entering an organisation begins on its page",
    ("templates/orgs/organisation_row.html", "org-home"): "entering an organisation begins on its page",
    ("templates/apis/list.html", "gateway-files"): "who has no APIs yet may have a gateway that does",
    ("templates/apis/ways.html", "gateway-files"): "who makes APIs may have a gateway that has some",
    ("templates/apis/detail.html", "key-create"): "an API is of no use without a key",
    ("apis/views.py", "keys"): "who sees the link from an API to a new key",
    ("templates/apis/detail.html", "analytics"): "from an API to its traffic",
    ("keys/keys/views.py", "analytics"): "who sees the link from a key to its traffic",
    ("templates/keys/detail.html", "analytics"): "from a key to its traffic",
    ("keys/oauth/views.py", "analytics"): "who sees the link from a client to its traffic",
    ("dashboard/analytics/reports/head.py", "keys"): "who sees the steps until there is traffic",
    ("dashboard/analytics/reports/head.py", "system"): "who sees the steps until there is traffic",
    ("dashboard/analytics/explaining/page.py", "keys"): "who is told what was found of a key",
    ("dashboard/analytics/explaining/page.py", "policies"): "who sees the link to a policy of it",
    ("dashboard/analytics/explaining/page.py", "key-detail"): "from a refused request to its key",
    ("dashboard/analytics/explaining/page.py", "policy-revision"): "from it to a policy as it was then",
    (
        "dashboard/analytics/reports/everywhere/page.py",
        "alert-list",
    ): "from how full a quota is to what watches it",
    ("templates/analytics/everywhere.html", "fleet"): "gateways are everybody's, and on a page of their own",
    ("templates/analytics/parts/nothing.html", "key-create"): "the steps until there is traffic",
    ("templates/analytics/parts/nothing.html", "node-list"): "the steps until there is traffic",
}
URL_CALLS = {"reverse", "redirect", "resolve_url"}


def dotted(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def urls() -> dict[str, str]:
    """{name of a URL: the app whose urls.py has it}."""
    found = {}
    for path in modules():
        if path.name == "urls.py":
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call):
                    named = [keyword.value for keyword in node.keywords if keyword.arg == "name"]
                    found |= {name.value: part(dotted(path)) for name in named}
    return found


URLS = urls()
KINDS = {
    kind: config.name for config in apps.get_app_configs() for kind in getattr(config, "audit_kinds", ())
}
RIGHTS = {name: config.name for config in apps.get_app_configs() for name in getattr(config, "rights", ())}
LIBRARIES = {path.stem: part(dotted(path)) for path in modules() if path.parent.name == "templatetags"}


def names_in_python(source: str) -> Iterator[tuple[str, str]]:
    """(what is named, the app it belongs to)."""
    tree = ast.parse(source)
    said = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in said:
            yield from named_by_text(node.value)
        elif isinstance(node, ast.Call):
            yield from named_by_call(node)


def named_by_text(text: str) -> Iterator[tuple[str, str]]:
    if re.fullmatch(r"\w+(\.\w+)+", text) and part(text) and file_of(text):
        yield text, part(text)
    if text.endswith(".html") and text.partition("/")[0] in FOLDERS:
        yield text, FOLDERS[text.partition("/")[0]]
    if "-" in text and text in URLS:
        yield text, URLS[text]
    kind, _, verb = text.partition(".")
    if (
        kind in KINDS
        and re.fullmatch(r"[a-z]+(-[a-z]+)*", verb)
        and not text.endswith((".py", ".js", ".css"))
    ):
        yield text, KINDS[kind]


def named_by_call(call: ast.Call) -> Iterator[tuple[str, str]]:
    called = getattr(call.func, "attr", getattr(call.func, "id", ""))
    texts = [getattr(argument, "value", None) for argument in call.args]
    if called in URL_CALLS and texts[:1] and texts[0] in URLS:
        yield texts[0], URLS[texts[0]]
    place = {"may": 0, "access": 1, "Entry": 4}.get(called, len(texts))
    if texts[place:] and texts[place] in RIGHTS:
        yield texts[place], RIGHTS[texts[place]]
    if called == "Entry" and texts[3:] and texts[3] in URLS:
        yield texts[3], URLS[texts[3]]
    if called in ("record", "record_all") and texts[1:] and texts[1] in KINDS:
        yield texts[1], KINDS[texts[1]]
    if called == "filter":
        kinds = [getattr(keyword.value, "value", None) for keyword in call.keywords if keyword.arg == "kind"]
        yield from ((kind, KINDS[kind]) for kind in kinds if kind in KINDS)


def names_in_template(source: str) -> Iterator[tuple[str, str]]:
    for name in re.findall(r"""{%-?\s*url\s+['"]([\w:-]+)['"]""", source):
        if name in URLS:
            yield name, URLS[name]
    for name in re.findall(r"""{%\s*(?:include|extends)\s+['"]([^'"]+)['"]""", source):
        if name.partition("/")[0] in FOLDERS:
            yield name, FOLDERS[name.partition("/")[0]]
    for loaded in re.findall(r"{%\s*load\s+([^%]+)%}", source):
        yield from ((name, LIBRARIES[name]) for name in loaded.split() if name in LIBRARIES)


def wrong(own: str, names: Iterator[tuple[str, str]]) -> set[str]:
    return {name for name, owner in names if owner not in (own, *ALLOWED[own])}


def named_upwards() -> set[tuple[str, str]]:
    """(file, name) of everything named against the arrows."""
    found = set()
    for path in modules():
        if "migrations" not in path.parts:
            names = wrong(part(dotted(path)), names_in_python(path.read_text()))
            found |= {(str(path.relative_to(ROOT)), name) for name in names}
    for path in sorted((ROOT / "templates").rglob("*.html")):
        own = FOLDERS.get(path.relative_to(ROOT / "templates").parts[0], "dashboard")
        names = wrong(own, names_in_template(path.read_text()))
        found |= {(str(path.relative_to(ROOT)), name) for name in names}
    return found


def test_nothing_of_an_app_above_is_named_but_in_the_listed_links():
    assert named_upwards() == set(LINKS_UP)


def test_each_kind_of_name_would_be_found():
    source = '''
"""keys.keys.lifecycle and keys/list.html may be spoken of in a docstring."""
MODULE, TEMPLATE, URL = "keys.keys.lifecycle", "keys/list.html", "key-list"
audit.record("key.revoked", "key", 1, "x")
redirect("analytics", "acme")
Entry("logs", "Logs", "icon", "logs", "log")
access("session", "keys"), user.may("system", "write")
AuditEntry.objects.filter(kind="key")
OWN = "apis.models", "apis/list.html", "api-list", "api.published", "orgs.models.User"
'''
    assert wrong("apis", names_in_python(source)) == {
        "keys.keys.lifecycle",
        "keys/list.html",
        "key-list",
        "key.revoked",
        "key",
        "keys",
        "system",
        "analytics",
        "logs",
        "log",
    }
    page = (
        '{% extends "base.html" %}{% load heroicons navigation orgs_rights %}{% include "keys/row.html" %}'
        "{% url 'key-list' org %}{% url \"people\" org %}"
    )
    assert wrong("apis", names_in_template(page)) == {"navigation", "keys/row.html", "key-list"}
