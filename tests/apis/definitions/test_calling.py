import shlex

import pytest

from apis.definitions.calling import command

URL = "http://gateway.example:8080/orders/"
KEY = "eyJvcmci/+=="


def called(**members):
    return command({"proxy": {"listen_path": "/orders/"}, **members}, KEY)


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({}, ["curl", URL, "--header", f"Authorization: {KEY}"]),
        ({"auth": {"auth_header_name": "X-Api-Key"}}, ["curl", URL, "--header", f"X-Api-Key: {KEY}"]),
        (
            {"auth": {"auth_header_name": "Old"}, "auth_configs": {"authToken": {"auth_header_name": "New"}}},
            ["curl", URL, "--header", f"New: {KEY}"],
        ),
        (
            {"auth_configs": {"jwt": {"auth_header_name": "Jwt"}}},
            ["curl", URL, "--header", f"Authorization: {KEY}"],
        ),
        (
            {"auth": {"use_param": True, "param_name": "api key"}},
            ["curl", f"{URL}?api%20key=eyJvcmci%2F%2B%3D%3D"],
        ),
        ({"auth": {"use_param": True}}, ["curl", f"{URL}?Authorization=eyJvcmci%2F%2B%3D%3D"]),
        ({"auth": {"param_name": "k", "disable_header": True}}, ["curl", f"{URL}?k=eyJvcmci%2F%2B%3D%3D"]),
        ({"auth": {"use_cookie": True, "cookie_name": "sid"}}, ["curl", URL, "--cookie", f"sid={KEY}"]),
        ({"auth": {"use_cookie": True, "auth_header_name": "X-K"}}, ["curl", URL, "--cookie", f"X-K={KEY}"]),
        ({"use_keyless": True}, ["curl", URL]),
        ({"use_basic_auth": True}, ["curl", URL]),
        (
            {"domain": "api.acme.example", "auth": {}},
            ["curl", "http://api.acme.example/orders/", "--header", f"Authorization: {KEY}"],
        ),
        (
            {"auth": None, "auth_configs": None, "domain": None},
            ["curl", URL, "--header", f"Authorization: {KEY}"],
        ),
    ],
)
def test_the_key_goes_where_gateways_look_for_it(members, words):
    assert shlex.split(called(**members).replace("\\\n", "")) == words


EVIL = ["'; rm -rf /; '", "$(id)", "a\nb", "@/etc/passwd", "é", "a b", "a:b", '"', "\\"]


@pytest.mark.parametrize("evil", EVIL)
@pytest.mark.parametrize("place", ["auth_header_name", "cookie_name"])
def test_a_name_that_no_header_or_cookie_can_have_gives_no_command(evil, place):
    assert called(auth={"use_cookie": place == "cookie_name", place: evil}) == ""


@pytest.mark.parametrize("evil", [*EVIL, "`id`", "[1-9999]", "{a,b}", "&x=1", "#", "--output=/tmp/x"])
def test_whatever_a_definition_says_the_shell_and_curl_see_one_plain_address(evil):
    text = command(
        {"proxy": {"listen_path": f"/{evil}"}, "auth": {"use_param": True, "param_name": evil}}, "k"
    )
    program, address = shlex.split(text)
    assert (program, address.startswith("http://gateway.example:8080/"), address.endswith("=k")) == (
        "curl",
        True,
        True,
    )
    assert set(address) & set("'\"`$ \\\n[]{}#&;") == set()


def test_a_name_that_the_shell_would_expand_is_quoted():
    text = called(auth={"auth_header_name": "$HOME`id`"})
    assert shlex.split(text.replace("\\\n", ""))[-1] == f"$HOME`id`: {KEY}"
    assert "'$HOME`id`: " in text


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"auth": {"disable_header": True}}, ["curl", URL, "--cookie", f"Authorization={KEY}"]),
        (
            {"auth": {"disable_header": True, "cookie_name": "sid"}},
            ["curl", URL, "--cookie", f"sid={KEY}"],
        ),
        ({"auth": {"param_name": "k"}}, ["curl", URL, "--header", f"Authorization: {KEY}"]),
        (
            {"auth": {"use_param": True, "use_cookie": True, "auth_header_name": "K"}},
            ["curl", f"{URL}?K=eyJvcmci%2F%2B%3D%3D"],
        ),
        ({"use_keyless": True, "auth": {"auth_header_name": "a b"}}, ["curl", URL]),
    ],
)
def test_a_key_has_one_place_where_several_are_said(members, words):
    assert shlex.split(called(**members).replace("\\\n", "")) == words


@pytest.mark.parametrize("proxy", [None, {}, {"listen_path": None}, {"listen_path": ""}])
def test_an_api_without_a_listen_path_is_called_at_the_root(proxy):
    assert command({"proxy": proxy, "use_keyless": True}, KEY) == "curl http://gateway.example:8080/"


def test_a_listen_path_is_escaped_but_for_its_parts():
    definition = {"proxy": {"listen_path": "/~ü b/{id}"}, "use_keyless": True}
    assert command(definition, KEY) == "curl 'http://gateway.example:8080/~%C3%BC%20b/%7Bid%7D'"
