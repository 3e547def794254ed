"""What gateways are given in the place of what was published."""

import base64
import re

import pytest

from apis.definitions.rules import guard, templates
from tests.apis.definitions.rules.test_references import transforming
from tests.apis.examples import as_served, b64, plain

IDS = {"orders": "a" * 24}


def rewriting(*rewrites):
    definition = plain()
    definition["version_data"]["versions"]["Default"]["extended_paths"] = {"url_rewrites": list(rewrites)}
    return definition


def rewrites_of(definition):
    return definition["version_data"]["versions"]["Default"]["extended_paths"]["url_rewrites"]


def test_a_plain_definition_is_given_as_it_is_but_for_the_header_that_opens_internal_apis():
    definition = plain()
    assert guard.for_gateways(definition, IDS.get, {}) == as_served(definition)
    assert definition == plain()


def test_the_header_is_taken_off_where_global_headers_are_switched_off_too():
    definition = plain()
    version = definition["version_data"]["versions"]["Default"]
    version |= {"global_headers_disabled": True, "global_headers": {"A": "b"}, "global_headers_remove": ["C"]}
    made = guard.for_gateways(definition, IDS.get, {})["version_data"]["versions"]["Default"]
    assert made["global_headers_disabled"] is False
    assert (made["global_headers"], made["global_headers_remove"]) == ({}, ["X-Tyk-Internal"])


@pytest.mark.parametrize(
    ("text", "given"),
    [
        ("tyk://orders/$1", f"tyk://{'a' * 24}/$1"),
        ("tyk://orders", f"tyk://{'a' * 24}"),
        ("tyk://orders?x=1", f"tyk://{'a' * 24}/?x=1"),
        ("tyk://b.x/y", f"tyk://{'0' * 24}/y"),  # a gateway would look for "b-x", a name of somebody's
        ("tyk://self/$1", "tyk://self/$1"),
        ("http://tyk://orders/", "http://tyk://orders/"),
        ("/x?to=tyk://orders/", "/x?to=tyk://orders/"),
    ],
)
def test_internal_targets_are_given_as_ids(text, given):
    definition = rewriting({"path": "/", "rewrite_to": text, "triggers": [{"on": "any", "rewrite_to": text}]})
    made = rewrites_of(guard.for_gateways(definition, IDS.get, {}))[0]
    assert (made["rewrite_to"], made["triggers"][0]["rewrite_to"]) == (given, given)


def test_versions_and_graphql_sources_are_given_as_ids():
    config = {"url": "tyk://orders/{{.arguments.id}}", "method": "GET"}
    definition = plain(
        definition={"versions": {"v1": "orders", "v2": "b-x", "v3": ""}},
        graphql={"engine": {"data_sources": [{"kind": "REST", "config": config}]}},
    )
    made = guard.for_gateways(definition, IDS.get, {})
    assert made["definition"]["versions"] == {"v1": "a" * 24, "v2": "0" * 24, "v3": ""}
    url = made["graphql"]["engine"]["data_sources"][0]["config"]["url"]
    assert url == f"tyk://{'a' * 24}/{{{{.arguments.id}}}}"
    assert guard.called(definition) == ["b-x", "orders"]


def gateway_rewrites(rewrite, url, values):
    """What a gateway makes of a URL: captures go in, then references are replaced, pattern matched or not."""
    pattern = rewrite["match_pattern"].replace("^(?s:.*)", "^[\\s\\S]*")
    made = url
    if found := re.search(pattern, url):
        groups = {f"${n}": found[n] or "" for n in range(len(found.groups()) + 1)}
        made = rewrite["rewrite_to"]
        for variable in re.findall(r"\$\d+", made):
            made = made.replace(variable, groups.get(variable, ""))
    return re.sub(r"\$secret_conf\.([A-Za-z0-9.-]+)", lambda match: values.get(match[1], ""), made)


@pytest.mark.parametrize(
    ("pattern", "rewrite_to", "url", "made"),
    [
        ("/u/(.*)", "http://a.example/$1", "/u/orders?x=1", "http://a.example/orders?x=1"),
        ("/u/(.*)", "http://a.example/$1", "/u/?$filter=a", "http://a.example/?$filter=a"),
        ("/u/(.*)", "http://a.example/$1", "/u/$secret_conf.x", "http://a.example/"),
        ("/u/(.*)", "http://a.example/$1", "/u/?a=$secret_conf.x&b=1", "http://a.example/"),
        ("never", "http://a.example/$1", "/u/other", "/u/other"),
        ("never", "http://a.example/$1", "/u/$secret_conf.x", "http://a.example/"),
        ("(a)|(b)", "/$1/$2", "/b", "//b"),
        ("", "/x", "/y", "/x"),
        ("/u/(.*)/(.*)", "/$1/$2", "/u/$se$2/cret_conf.x", "//"),  # $2 is looked for in what $1 put in
        ("/u/(.*)", "/$1?a=$1", "/u/$secr$1et_conf.x", "/?a="),
        ("/u/(.*)", "/$1", "/u/$5", "/$5"),
        ("/v(.*)", "tyk://self/$1", "/v?loop_limit=999999999", "tyk://self/"),  # how often it may come back
        ("/v(.*)", "tyk://self/$1", "/v?l%6Fop_limit=999999999", "tyk://self/"),
        ("/v(.*)", "tyk://self/$1", "/v?x=$secret_conf.x", "tyk://self/"),
        ("/v(.*)", "/x$1", "/v?loop_limit=9", "/x?loop_limit=9"),
        ("/u/(.*)/(.*)", "/$1/$2", "/u/a/b?price=$5", "/a/b?price=$5"),
    ],
)
def test_a_url_that_names_a_secret_is_rewritten_without_it_and_others_as_ever(pattern, rewrite_to, url, made):
    """Issue input: `/u/$secret_conf.x` through `rewrite_to: …/$1` gave the upstream a value of tyk.conf."""
    definition = rewriting({"path": "/u", "match_pattern": pattern, "rewrite_to": rewrite_to})
    given = rewrites_of(guard.for_gateways(definition, IDS.get, {}))[0]
    assert gateway_rewrites(given, url, {"x": "SECRET"}) == made
    assert given["match_pattern"].endswith("|" + pattern)


@pytest.mark.parametrize(
    ("rewrite_to", "url"),
    [
        ("tyk://self/$1", "/u/v/?loop_limit=999999999"),
        ("/$1/$2", "/u/$se$2/cret_conf.x"),
    ],
)
def test_what_only_a_trigger_rewrites_to_is_guarded_alike(rewrite_to, url):
    rewrite = {"match_pattern": "/u/(.*)/(.*)", "rewrite_to": "/x", "triggers": [{"rewrite_to": rewrite_to}]}
    given = rewrites_of(guard.for_gateways(rewriting({"path": "/u", **rewrite}), IDS.get, {}))[0]
    assert re.search(given["match_pattern"].replace("(?s:.*)", "[\\s\\S]*"), url).groups() == (None, None)
    assert re.search(given["match_pattern"].replace("(?s:.*)", "[\\s\\S]*"), "/u/a/b").groups() == ("a", "b")


def given_template(text):
    made = guard.for_gateways(transforming(b64(text)), IDS.get, {})
    blob = made["version_data"]["versions"]["Default"]["extended_paths"]["transform"][0]["template_data"]
    return base64.b64decode(blob["template_source"]).decode()


def printed(inside, begun=""):
    return (
        "{{regexReplaceAll `\\$(secret_|(?:s(?:e(?:c(?:r(?:e(?:t)?)?)?)?)?)?$)` "
        f"(printf `{begun}%v` ({inside})) `$$ ${{1}}`}}}}"
    )


def test_every_value_that_a_request_template_prints_is_kept_from_being_a_reference():
    assert given_template('{"a": "{{.a}}", "b": {{ .b | jsonMarshal }}}') == (
        '{"a": "' + printed(".a") + '", "b": ' + printed(".b | jsonMarshal") + "}"
    )
    assert given_template("price ${{.p}}!") == "price " + printed(".p", "$") + "!"
    assert given_template('{{ "}}" }}') == printed('"}}"')
    assert given_template("a {{- .x -}} b") == "a" + printed(".x").replace("}}", " -}}") + " b"


@pytest.mark.parametrize(
    "text",
    [
        "{{/* a don't */}}",
        "{{if .a}}x{{else if .b}}y{{end}}",
        "{{ range $i, $x := .a }}x{{ end }}",
        "{{ $x := .a }}",
        '{{template "x" .}}',
        "static $5",
    ],
)
def test_what_prints_nothing_is_left_alone(text):
    assert given_template(text) == text


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{{.a", "has an action {{…}} that cannot be read"),
        ("{{ repeat 1000000000 .a }}", "must not use repeat"),
        (
            '{{ "a")) "b" | printf "%s%s" "$" "secret_conf.x" (("" }}',
            "has an action {{…}} with unbalanced brackets",
        ),
        ("{{ (print .a }}", "has an action {{…}} with unbalanced brackets"),
        ("{{ (print `)` .a) }}", None),
        ("{{ genPrivateKey `rsa` }}", "must not use genPrivateKey"),
        ("$sec{{if .a}}{{end}}ret_conf.x", "must not have an action behind $"),
        ("$se  {{- /* */ -}} cret_conf.x", "must not have an action behind $"),
        ('{{define "a"}}$sec{{end}}', "must not have an action behind $"),
    ],
)
def test_a_template_that_could_complete_a_reference_or_eat_a_gateway_is_refused(text, fault):
    assert templates.fault(text) == fault


def test_a_response_template_is_given_as_it_is():
    """No gateway looks for references in what it prints."""
    definition = transforming(b64("{{.a}}"), "transform_response")
    assert guard.for_gateways(definition, IDS.get, {}) == as_served(definition)
