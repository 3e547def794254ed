"""The commands run, against what a gateway would compute (seen to open with both)."""

import base64
import hashlib
import hmac
import json
import shutil
import subprocess
from urllib.parse import unquote

import pytest

from keys.credentials import examples

SECRET = "it's a $ecret `x`"
API = {"proxy": {"listen_path": "/orders/"}, "jwt_signing_method": "hmac"}


@pytest.fixture
def sent(tmp_path):
    """What curl is called with by commands."""
    if not shutil.which("openssl"):
        pytest.skip("no openssl")
    fake = tmp_path / "curl"
    fake.write_text('#!/bin/sh\nfor each in "$@"; do printf "%s\\n" "$each"; done\n')
    fake.chmod(0o755)

    def run(command):
        done = subprocess.run(
            ["sh", "-c", f"PATH={tmp_path}:$PATH\n{command}"], capture_output=True, text=True, check=True
        )
        return done.stdout.splitlines()

    return run


def test_a_user_sends_name_and_password(sent):
    command = examples.command("basic", API, "jonas", {"password": SECRET})
    assert sent(command) == ["http://gateway.example:8080/orders/", "--user", f"jonas:{SECRET}"]


def test_the_date_is_signed(sent):
    lines = sent(examples.command("hmac", API, "to+ken==", {"hmac_string": SECRET}))
    date = lines[2].removeprefix("Date: ")
    signed = hmac.new(SECRET.encode(), f"date: {date}".encode(), hashlib.sha256).digest()
    head, _, signature = lines[4].partition('signature="')
    assert head == 'Authorization: Signature keyId="to+ken==",algorithm="hmac-sha256",'
    assert base64.b64decode(unquote(signature.removesuffix('"'))) == signed


def test_a_json_web_token_names_the_key_and_is_signed(sent):
    lines = sent(examples.command("jwt", API, "to+ken==", {"jwt_secret": SECRET}))
    head, body, signature = lines[1].removeprefix("Authorization: Bearer ").split(".")
    signed = hmac.new(SECRET.encode(), f"{head}.{body}".encode(), hashlib.sha256).digest()
    assert json.loads(base64.urlsafe_b64decode(head + "==")) == {
        "alg": "HS256",
        "typ": "JWT",
        "kid": "to+ken==",
    }
    assert base64.urlsafe_b64decode(signature + "==") == signed


@pytest.mark.parametrize("kind", ["basic", "hmac", "jwt"])
def test_it_goes_into_the_header_that_the_api_asks_for(sent, kind):
    api = API | {"auth_configs": {kind: {"auth_header_name": "X-Credential"}}}
    lines = sent(examples.command(kind, api, "jonas", {}))
    [line] = [line for line in lines if line.startswith("X-Credential: ")]
    assert line.split()[1] == {"basic": "Basic", "hmac": "Signature"}.get(kind, "Bearer")


@pytest.mark.parametrize(
    "members",
    [
        {"jwt_signing_method": "rsa"},
        {"jwt_source": "aHR0cHM6Ly8="},
        {"auth": {"disable_header": True}},
        {"auth": {"auth_header_name": "@file"}},
    ],
)
def test_there_is_no_example_of_what_a_shell_cannot_send(members):
    assert examples.command("jwt", API | members, "token", {}) == ""
