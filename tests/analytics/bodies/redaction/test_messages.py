"""Secrets, wherever a caller or an upstream puts them."""

import base64
import json
import time
from urllib.parse import quote

import pytest

from dashboard.analytics.bodies.message import Message, read
from dashboard.analytics.bodies.redaction.found import MARK, MOST_SECRETS, clear
from dashboard.analytics.bodies.redaction.messages import MOST_KEPT, redact
from dashboard.analytics.bodies.redaction.names import Names, plain
from tests.analytics import recordings

SECRET = "Zq7/x+Tr4=unguessable"
NAMES = Names(
    headers=frozenset({plain("X-Shop-Auth")}),
    parameters=frozenset({plain("shop_key")}),
    members=frozenset({plain("Card-Number")}),
)


def body(text: str) -> Message:
    return Message("POST / HTTP/1.1", [], text, cut=False)


def redacted(text: str) -> str:
    """A body, without the first line."""
    return redact(body(text), None, NAMES).request.removeprefix("POST / HTTP/1.1\n\n")


@pytest.mark.parametrize(
    "name",
    [
        *(
            "Authorization",
            "Proxy-Authorization",
            "Cookie",
            "Set-Cookie",
            "X-Api-Key",
            "x-api-key",
            "X_API_KEY",
        ),
        *(
            "X-Shop-Auth",
            "X-Amz-Security-Token",
            "X-Vault-Token",
            "Apikey",
            "Ocp-Apim-Subscription-Key",
            "X-Auth",
            "X-Auth-Key",
            "X-Session",
        ),
    ],
)
def test_of_headers_with_credentials_only_the_name_is_kept(name):
    message = Message("GET / HTTP/1.1", [("Host", "a"), (name, SECRET)], "", cut=False)
    assert redact(message, None, NAMES).request == f"GET / HTTP/1.1\nHost: a\n{name}: {MARK}\n"
    assert redact(None, message, NAMES).response == f"GET / HTTP/1.1\nHost: a\n{name}: {MARK}\n"


def test_the_kind_of_a_credential_is_kept():
    basic = base64.b64encode(b"ann:hunter22").decode()
    headers = [
        ("Authorization", f"Bearer {SECRET}"),
        ("Proxy-Authorization", f"Basic {basic}"),
        ("A", "hunter22"),
    ]
    found = redact(Message("GET / HTTP/1.1", headers, "", cut=False), None, NAMES)
    assert found.request.splitlines()[1:] == [
        f"Authorization: Bearer {MARK}",
        f"Proxy-Authorization: Basic {MARK}",
        f"A: {MARK}",
    ]


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ('{"password": "S", "a": 1}', '{"password": "[redacted]", "a": 1}'),
        ('{"a":[{"client_secret":"S"}]}', '{"a":[{"client_secret":"[redacted]"}]}'),
        ('{"Access-Token" :\n "S"}', '{"Access-Token" :\n "[redacted]"}'),
        ('{"pass\\u0077ord": "S\\"}{"}', '{"pass\\u0077ord": "[redacted]"}'),
        (
            '{"pa\u017f\u017fword": "S", "to\u212aen": "S"}',
            '{"pa\u017f\u017fword": "[redacted]", "to\u212aen": "[redacted]"}',
        ),
        ('{"token": {"deep": ["S", "]}"]}, "a": 1}', '{"token": "[redacted]", "a": 1}'),
        (
            '{"pin": 123456, "token": null, "secret": true}',
            '{"pin": "[redacted]", "token": null, "secret": true}',
        ),
        ('{"password": "S', '{"password": "[redacted]"'),
        ('{"password": {"S', '{"password": "[redacted]"'),
        ('{"card_number": "S"}', '{"card_number": "[redacted]"}'),
        ('{"x-shop-auth": "S"}', '{"x-shop-auth": "[redacted]"}'),
        ('" {"password": "S"}', '" {"password": "[redacted]"}'),
        ('{"log": "{\\"password\\": \\"S\\\\\\"x\\"}"}', '{"log": "{\\"password\\": \\"[redacted]\\"}"}'),
        (
            '{"log": "{\\"token\\": {\\"a\\": \\"S\\"}, \\"b\\": 1}"}',
            '{"log": "{\\"token\\": \\"[redacted]\\", \\"b\\": 1}"}',
        ),
        ('{"q": "login(password: \\"S\\") { id }"}', '{"q": "login(password: \\"[redacted]\\") { id }"}'),
        (
            '[{"name": "Password", "value": "S"}, {"n": 1}]',
            '[{"name": "Password", "value": "[redacted]"}, {"n": 1}]',
        ),
        (
            '{"l": "[{\\"key\\":\\"Authorization\\",\\"value\\":\\"S\\"}]"}',
            '{"l": "[{\\"key\\":\\"Authorization\\",\\"value\\":\\"[redacted]\\"}]"}',
        ),
        (
            '[{"name": "Password", "type": "text", "value": "S"}, {"value": "S", "key": "token"}]',
            '[{"name": "Password", "type": "text", "value": "[redacted]"}, {"value": "[redacted]", "key": "token"}]',
        ),
        (
            '{"l": "{\\"value\\":\\"S\\",\\"name\\":\\"token\\"}"}',
            '{"l": "{\\"value\\":\\"[redacted]\\",\\"name\\":\\"token\\"}"}',
        ),
        (
            '<input value="S" type=\'hidden\' name="csrf_token"><input name="pin" value="S">',
            '<input value="[redacted]" type=\'hidden\' name="csrf_token"><input name="pin" value="[redacted]">',
        ),
        ("<add key=\"ApiKey\" value='S'/>", "<add key=\"[redacted]\" value='[redacted]'/>"),
        ('<x:entry a="1" name="password">S</x:entry>', '<x:entry a="1" name="password">[redacted]</x:entry>'),
        ("<token><a>b</a><c>S</c></token>", "<token>[redacted]</token>"),
        (
            "payload=%7B%22token%22%3A+%22S%22%2C%22a%22%3A%22b%22%7D&b=1",
            "payload=%7B%22token%22%3A+%22[redacted]%22%2C%22a%22%3A%22b%22%7D&b=1",
        ),
        (
            "p={%22a%22:%22b%22,%22pin%22:12345,%22c%22:1}",
            "p={%22a%22:%22b%22,%22pin%22:[redacted],%22c%22:1}",
        ),
        (
            "p=%2522a%2522%253A%2522%255C%2522token%255C%2522%253A%255C%2522S%255C%2522%2522",
            "p=%2522a%2522%253A%2522%255C%2522token%255C%2522%253A%255C%2522[redacted]%255C%2522%2522",
        ),
        ("p=%7B%22token%22%3A%7B%22a%22%3A%22S%22%7D%7D&b=1", "p=%7B%22token%22%3A[redacted]&b=1"),
        (
            "next=%252Fcb%253Fcode%253DS%2526b%253D1",
            "next=%252Fcb%253Fcode%253D[redacted]%2526b%253D1",
        ),
        (
            '{"db_pass": "S", "userPwd": "S", "loginPin": "S"}',
            '{"db_pass": "[redacted]", "userPwd": "[redacted]", "loginPin": "[redacted]"}',
        ),
        ("AccountName=a;AccountKey=S", "AccountName=a;AccountKey=[redacted]"),
        ("{'pin': 123456}", "{'pin': '[redacted]'}"),
        ("see https://ann:S@a.example/b", "see https://[redacted]@a.example/b"),
        ("-----BEGIN EC PRIVATE KEY-----\nS\nS\n-----END EC PRIVATE KEY-----\n", "[redacted]\n"),
        ("user=ann&password=S&x=1", "user=ann&password=[redacted]&x=1"),
        ("pass%77ord=S&shop_key=S", "pass%77ord=[redacted]&shop_key=[redacted]"),
        ("user[password]=S&user[name]=ann", "user[password]=[redacted]&user[name]=ann"),
        (
            '{"next": "https://a.example/?shop_key=S&b=1"}',
            '{"next": "https://a.example/?shop_key=[redacted]&b=1"}',
        ),
        (
            "next=https%3A%2F%2Fa%3Fshop_key%3DS%26b%3D1",
            "next=https%3A%2F%2Fa%3Fshop_key%3D[redacted]%26b%3D1",
        ),
        ("<a><Password>S</Password></a>", "<a><Password>[redacted]</Password></a>"),
        ("<w:Password Type='x'><![CDATA[S]]></w:Password>", "<w:Password Type='x'>[redacted]</w:Password>"),
        ("<user password='S' id='7'/>", "<user password='[redacted]' id='7'/>"),
        ("<secret>S", "<secret>[redacted]"),
        ("user: ann\npassword: one S\nb: c", "user: ann\npassword: [redacted]\nb: c"),
        ("curl -H 'Authorization: Bearer S' https://a", "curl -H 'Authorization: [redacted]"),
        ("password = S\nb = c", "password = [redacted]\nb = c"),
        ("{'password': 'S', 'a': 1}", "{'password': '[redacted]', 'a': 1}"),
        ("['token' => 'S', 'a' => 1]", "['token' => '[redacted]', 'a' => 1]"),
        ('[["a", "b"], ["password", "S"]]', '[["a", "b"], ["password", "[redacted]"]]'),
        ('{"l": "[[\\"pin\\",12]]"}', '{"l": "[[\\"pin\\",\\"[redacted]\\"]]"}'),
        ('["token", "a", "b"]', '["token", "a", "b"]'),
        (
            "- name: token\n  value: S\n- name: a\n  value: b",
            "- name: token\n  value: [redacted]\n- name: a\n  value: b",
        ),
        ("- value: |\n    S\n    S\n  name: pin\n", "- value: [redacted]\n  name: pin\n"),
        ("[{name: token, value: S, a: b}]", "[{name: token, value: [redacted], a: b}]"),
        ("- - token\n  - S 1\n- - a\n  - b", "- - token\n  - [redacted]\n- - [redacted]\n  - b"),
        (
            "- - id\n  - a\n  - pin\n- - 1\n  - b\n  - S",
            "- - id\n  - a\n  - pin\n- - 1\n  - b\n  - [redacted]",
        ),
        (
            "meta:\n- name: id\n- name: pin\nrows:\n- [1, S]\n- [2, 3]\n- [4, S]\nb:\n- a\n",
            "meta:\n- name: id\n- name: pin\nrows:\n- [1, [redacted]]\n- [2, [redacted]]\n- [4, [redacted]]\nb:\n- a\n",
        ),
        ("required:\n- a\n- pin\nenum:\n- a\n- b\n", "required:\n- a\n- pin\nenum:\n- a\n- b\n"),
        (
            "args:\n- --token\n- S\n- -v\n-  user\n- ann\n",
            "args:\n- --token\n- [redacted]\n- -v\n-  user\n- ann\n",
        ),
        ("- user\n- ann\n- 'pin'\n- |\n  S\n  S\n- a", "- user\n- ann\n- 'pin'\n- [redacted]\n- a"),
        ("password: |\n  S\n  S\na: b", "password: [redacted]\na: b"),
        ("tokens:\n- S\n- S\na: b", "tokens:[redacted]\na: b"),
        ("{a: b, password: one S}", "{a: b, password: [redacted]}"),
        (
            'a,password,b\n1,S,2\n3,"S, ""S""",4\n\n5,6,7',
            'a,password,b\n1,[redacted],2\n3,"[redacted]",4\n\n5,6,7',
        ),
        ("password;a\r\nS;b\r\n", "password;a\r\n[redacted];b\r\n"),
        ("a,password\n1,S,S\n", "a,password\n[redacted],[redacted],[redacted]\n"),
        ("password\nS\n", "password\n[redacted]\n"),
        ('{"file": "a,pin\\n1,1234\\n"}', '{"file": "a,pin\\n1,[redacted]\\n"}'),
        # Whether the first of two names a column, or what is beside it, cannot be told.
        ('[["pin", "S"], ["a", "b"]]', '[["pin", "[redacted]"], ["[redacted]", "b"]]'),
        (
            '[["id", "pin"], [1, 1234], [2, 1, 3]]',
            '[["id", "pin"], [1, "[redacted]"], ["[redacted]", "[redacted]", "[redacted]"]]',
        ),
        (
            '{"columns": ["a", "token"], "rows": [[1, "S"], ["x-token", "S"], [3, ["S"]]]}',
            '{"columns": ["a", "token"], "rows": [[1, "[redacted]"], ["x-token", "[redacted]"], [3, "[redacted]"]]}',
        ),
        (
            '{"rows": [[1, {"a": "S"}, "b"]], "columns": [{"name": "a"}, {"name": "pin"}, {"name": "b"}]}',
            '{"rows": [[1, "[redacted]", "b"]], "columns": [{"name": "a"}, {"name": "pin"}, {"name": "b"}]}',
        ),
        (
            '{"s": {"fields": [{"name": "pin"}]}, "rows": [{"f": [{"v": "S"}]}]}',
            '{"s": {"fields": [{"name": "pin"}]}, "rows": [{"f": ["[redacted]"]}]}',
        ),
        (
            '{"columns": ["a", "pin"], "data": [1, "S", 2, "S"]}',
            '{"columns": ["a", "pin"], "data": [1, "[redacted]", 2, "[redacted]"]}',
        ),
        (
            '{"columns": ["a", "pin"], "x": [[1, 2, 3], ["S", "S", "S"]]}',
            '{"columns": ["a", "pin"], "x": [["[redacted]", "[redacted]", "[redacted]"], "[redacted]"]}',
        ),
        ('["a", "b", "token", "S", "c", [1]]', '["a", "b", "token", "[redacted]", "c", [1]]'),
        ('["a", 1, "token", "S', '["a", 1, "token", "[redacted]"'),
        ("['curl', '-u', 'ann:S', '--token', 'S']", "['curl', '-u', '[redacted]', '--token', '[redacted]']"),
        (
            '{"name": "pin", "tags": ["a", {"b": 1}], "value": 1234}',
            '{"name": "pin", "tags": ["a", {"b": 1}], "value": "[redacted]"}',
        ),
        (
            '{"ParameterKey": "DbPassword", "Kept": false, "ParameterValue": "S"}',
            '{"ParameterKey": "DbPassword", "Kept": false, "ParameterValue": "[redacted]"}',
        ),
        ('1,"{""pin"": ""S"", ""a"": 1}"', '1,"{""pin"": ""[redacted]"", ""a"": 1}"'),
        (
            "update u set token='S''S', a=E'b' where pin = E'S\\'S'",
            "update u set token='[redacted]', a=E'b' where pin = E'[redacted]'",
        ),
        (
            "where \"token\" like 'S' and u.token not in ('S', f('S')) and a = 1",
            "where \"token\" like '[redacted]' and u.token not in ([redacted]) and a = 1",
        ),
        (
            "insert into u (id, `pin`) values (1, 'S''S, S'), (2, f('S', 1)), (3)",
            "insert into u (id, `pin`) values (1, '[redacted]'), (2, [redacted]), ([redacted])",
        ),
        (
            "alter user ann identified by 'S'; create role b password 'S' login",
            "alter user ann identified by '[redacted]'; create role b password '[redacted]' login",
        ),
        (
            "mysql -u ann -pS --x-token 'S S' -p S -h x",
            "mysql -u ann -p[redacted] --x-token [redacted] -p [redacted] -h x",
        ),
        (
            '{"run": "curl --user \\"ann:S\\" -u ann:S b"}',
            '{"run": "curl --user \\"ann:[redacted]\\" -u ann:[redacted] b"}',
        ),
        (
            "it was sent as Bearer S, or Basic YW5uOmh1bnRlcg== by ann",
            "it was sent as Bearer [redacted], or Basic [redacted] by ann",
        ),
        (
            "The password is now h2, an api key was set to AB12cd and the pin is 1234: use AB12cd.",
            "The password is now h2, an api key was set to [redacted] and the pin is [redacted]: use [redacted].",
        ),
        (
            '{"a": "the token is \\"S S\\", token was S1.", "b": "pin: ab12cd. It is ab12cd!"}',
            '{"a": "the token is \\"[redacted]\\", token was [redacted].", "b": "pin: [redacted] It is [redacted]!"}',
        ),
        ('["a", "pin"]\n[1, "S"]\n["b", "S"]', '["a", "pin"]\n[1, "[redacted]"]\n["b", "[redacted]"]'),
        ("f=a%2Cpin%0A1%2C1234%0A&b=x%2Cy", "f=a%2Cpin%0A1%2C[redacted]%0A&b=x%2Cy"),
        ("f=-+name%3A+pin%0A++value%3A+S%0A", "f=-+name%3A+pin%0A++value%3A+[redacted]%0A"),
        (
            "f=%255B%255B%2522pin%2522%255D%252C%255B12%255D%255D",
            "f=%255B%255B%2522pin%2522%255D%252C%255B%2522[redacted]%2522%255D%255D",
        ),
    ],
)
def test_values_are_taken_out_of_bodies_by_their_names(sent, stored):
    assert redacted(sent.replace("S", "first-last")) == stored


def test_parts_of_a_form_are_taken_out_by_their_names():
    form = (
        '--b\r\nContent-Disposition: form-data; name="user"\r\n\r\nann\r\n'
        '--b\r\nContent-Disposition: form-data; name="password"\r\nContent-Type: text/plain\r\n\r\none\r\ntwo\r\n--b--'
    )
    assert redacted(form) == form.replace("one\r\ntwo", MARK)


def test_a_part_of_a_form_may_say_its_name_in_a_character_set_of_its_own():
    form = "--b\r\nContent-Disposition: form-data; name*=utf-8''password\r\n\r\none\r\n--b--"
    assert redacted(form) == form.replace("one", MARK)


def test_what_was_found_by_its_name_is_taken_out_wherever_else_it_stands():
    request = Message(
        f"GET /by/{quote(SECRET, safe='')}/x?shop_key={quote(SECRET)} HTTP/1.1",
        [
            ("Referer", f"https://a.example/{SECRET}"),
            ("Cookie", "theme=dark; basket=0123456789abcdef"),
            ("B", "dark"),
        ],
        f"as text {SECRET}",
        cut=False,
    )
    echo = json.dumps(
        {"you": SECRET, "again": {"path": "Zq7%2fx%2bTr4%3dunguessable"}, "basket": "0123456789abcdef"}
    )
    found = redact(request, Message("HTTP/1.1 200 OK", [("X-You", SECRET)], echo, cut=False), NAMES)
    assert found.request.splitlines() == [
        f"GET /by/{MARK}/x?shop_key={MARK} HTTP/1.1",
        f"Referer: https://a.example/{MARK}",
        f"Cookie: {MARK}",
        "B: dark",
        "",
        f"as text {MARK}",
    ]
    assert json.loads(found.response.splitlines()[-1])["basket"] == MARK
    for text in (found.request, found.response):
        assert SECRET not in text
        assert "unguessable" not in text
    assert SECRET in found.secrets
    assert clear(f"/by/{SECRET}", found.secrets) == f"/by/{MARK}"
    listed = redacted('{"tokens": ["0123456789abcdef", "b"], "log": "0123456789abcdef b"}')
    assert listed == f'{{"tokens": "{MARK}", "log": "{MARK} b"}}'


@pytest.mark.parametrize(
    "token",
    [
        recordings.ORG_A + "0123456789abcdef" * 2,
        base64.b64encode(
            b'{"org":"5e9d9544a1dcd60001d0ed20","id":"04ef54981d454df1acc","h":"murmur64"}'
        ).decode(),
        "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbm4ifQ.c2lnbmF0dXJl",
    ],
)
def test_what_is_shaped_like_a_token_is_taken_out_without_a_name(token):
    assert redacted(f"see {token}, {token}") == f"see {MARK}, {MARK}"
    assert clear(f"/x/{token}?y", ()) == f"/x/{MARK}?y"


def test_a_known_token_is_taken_out_of_everything():
    message = Message("GET /t/k3y4/x HTTP/1.1", [("A", "k3y4")], "[k3y4]", cut=False)
    assert (
        redact(message, message, Names(), ["k3y4"]).response
        == f"GET /t/{MARK}/x HTTP/1.1\nA: {MARK}\n\n[{MARK}]"
    )


def test_what_is_no_secret_stays_as_it_was():
    text = '{"code": 404, "key": "a", "name": "ann", "path": "/a?b=c&d=e", "at": "12:30", "x": [1.50]}\n<b c="d"/>'
    text += '{"errors": [{"field": "password", "message": "too short"}], "data": [{"id": 1, "tags": ["a", "b"]}]}\n'
    text += '{"required": ["user", "pin"], "enum": ["a", "b"]} [["a", "b"], [1, 2]] (see the token, or not)\n'
    text += (
        "it's the token's value, isn't it? find . -print | tar -cf a; the bearer of news knows basic words\n"
    )
    text += "The token is expired or was INVALID, a password is required. Its password was set by ann1, the pin is 8\n"
    text += "insert into u (id, a) values (1, 'b'); select token from u where id in (1, 2) and a = 'b'\n"
    text += "q=a%20b%2Cc%0Ad&r=%5B1%2C2%5D\n"
    text += '[{"name": "shape", "value": "pass"}] <i name="a" value="b"><i value="c" id="bypass">d</i> %22a%22%3A1'
    assert redacted(text) == text


def test_recorded_messages_lose_the_token_also_where_the_upstream_repeats_it():
    loose = [recordings.loose(entry) for entry in recordings.entries("v3.0.12-mixed")]
    detailed = [each for each in loose if "Authorization" in str(base64.b64decode(each["RawRequest"]))]
    assert len(detailed) == 4
    for each in detailed:
        request, response = read(each["RawRequest"]), read(each["RawResponse"])
        token = request.header("authorization")
        assert token in response.text
        found = redact(request, response, Names())
        assert token not in found.request + found.response
        assert found.response.endswith(f'"auth": "{MARK}"}}')


def test_no_more_is_kept_than_32_kb_and_that_is_said():
    long = body("ß" * MOST_KEPT)
    found = redact(long, body("short"), Names())
    assert (len(found.request.encode()) in (MOST_KEPT - 1, MOST_KEPT), found.cut) == (True, (True, False))
    assert redact(None, long._replace(text="", cut=True), Names()).cut == (False, True)


def test_a_secret_on_the_edge_of_what_is_kept_is_taken_out_whole():
    for at in range(MOST_KEPT - 40, MOST_KEPT + 2):
        found = redact(
            Message("GET / HTTP/1.1", [("X-Shop-Auth", SECRET)], "x" * at + SECRET, cut=False), None, NAMES
        )
        assert SECRET[:8] not in found.request


@pytest.mark.parametrize(
    "hostile",
    [
        "\\" * 65_536,
        '"' * 65_536,
        '\\"' * 32_768,
        '"a' * 32_768,
        '"password":' * 6_000,
        '"password":{' * 5_400,
        "password=" * 7_000,
        "<password>" * 6_500,
        "<" * 65_536,
        "%3d" * 21_000,
        "a" * 65_536,
        "a:" * 32_768,
        'content-disposition: x; name="a"\n' * 2_000,
        "eyJ" * 21_000,
        "eyJabcdefg." * 5_900,
        "://a:" * 13_000,
        "-----BEGIN PRIVATE KEY-----" * 2_400,
        '"name":"' * 8_000,
        '"name":"a","value":' * 3_400,
        '<a name="a" ' * 5_400,
        '< value="' * 7_200,
        '"value":"x","b":1,' * 3_600,
        "%22password%22:%22" * 3_600,
        "%22token%22:" * 5_400,
        "password,a\n" * 6_000,
        'a,"password\n' * 5_000,
        '"a\\n"' * 13_000,
        "- - token\n" * 6_500,
        "- value:\n" * 7_200,
        "- " * 32_000,
        "- [token, {\n" * 5_400,
        "columns: [token]\nrows:\n" + "- - a\n" * 10_000,
        "\n".join(" " * deep + "- token" for deep in range(350)),
        "token: |\n a\n" * 5_400,
        "[token,{" * 8_000,
        "{name: token, value: " * 3_100,
        '["token",[' * 6_500,
        "\n".join(" " * deep + "value:" for deep in range(350)),
        "&".join(f"token=secret-{number}" for number in range(4_000)),
        '["token",' * 7_000,
        '{"columns":["token"]},' * 3_000,
        ",".join("[" + ",".join(['"token"'] * width) + "]" for width in range(1, 130)),
        "[{" * 16_000,
        "insert into a(token) values (" * 2_200,
        "token like 'x " * 4_600,
        "-u '" * 16_000,
        "token is " * 7_200,
        "token is `" * 6_500,
        "the token was " * 4_600 + "ab12cd",
        "token is now" + " set" * 16_000,
        "%2522%250a" * 6_500,
        '"\\n""' * 10_000,
    ],
)
def test_nothing_that_is_sent_takes_long(hostile):
    begun = time.process_time()
    found = redact(body(hostile), body(hostile), NAMES)
    assert time.process_time() - begun < 2
    assert len(found.secrets) <= MOST_SECRETS


def test_a_long_line_of_names_takes_no_longer_than_its_length_says():
    def taken(count):
        def once():
            begun = time.process_time()
            redact(body("x: token: " * count), None, NAMES)
            return time.process_time() - begun

        return min(once() for _ in range(3))

    assert taken(24_000) < 10 * taken(6_000)
