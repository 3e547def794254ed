"""Whatever shape a body has, a secret under one of the names that are known does not survive in it."""

import csv
import io
import json
from operator import itemgetter
from urllib.parse import urlencode
from xml.sax.saxutils import escape, quoteattr

import yaml
from hypothesis import given
from hypothesis import strategies as st

from dashboard.analytics.bodies.message import Message
from dashboard.analytics.bodies.redaction.messages import redact
from dashboard.analytics.bodies.redaction.names import Names, plain

NAMES = Names(
    headers=frozenset({plain("X-Shop-Auth")}),
    parameters=frozenset({plain("shop_key")}),
    members=frozenset({plain("Card-Number")}),
)
NAME = st.sampled_from(
    ["password", "Access-Token", "client_secret", "userPwd", "X-Api-Key", "X-Shop-Auth", "card_number", "pin"]
)
# Short ones are found by their place alone: elsewhere they are not looked for.
SECRET = st.sampled_from(["canaryZq7xTr4unguessable", "cnr4Q", "canary-first canary-last"])
HARMLESS = st.sampled_from(["a", "ann", "12:30", "", 7, None, True, "a b", "GET /a?b=c"])


def without_aliases() -> type[yaml.SafeDumper]:
    return type("Dumper", (yaml.SafeDumper,), {"ignore_aliases": lambda *_: True})


@st.composite
def planted(draw):
    """(a shape in which a secret is planted, the secret)."""
    name, secret = draw(NAME), draw(SECRET)
    held = draw(st.sampled_from([secret, [secret], {"a": secret}]))
    named, worth = draw(
        st.sampled_from([("name", "value"), ("key", "value"), ("k", "v"), ("header", "content")])
    )
    pairs = [(named, name), (worth, secret), ("type", draw(st.sampled_from(["text", ["a"], {"b": 1}])))]
    shapes = [
        {name: held},
        [[name, held]],
        [["a", "b"], [name, secret]],
        [dict(draw(st.permutations(pairs)))],
    ]
    shapes += [["a", 7, name, held], ["a", 7, "b", "c d", name, secret], ["run", f"--{name}", secret]]
    shapes += [f"run --{name} '{secret}'", f"UPDATE u SET a = 1 WHERE {name} LIKE '{secret}'"]
    columns = draw(st.permutations([(name, secret), ("id", 1), ("user name", None)]))
    names, cells, other = [*map(itemgetter(0), columns)], [*map(itemgetter(1), columns)], [2, "b", "c, d"]
    rows, described = [other, cells, other, other], [{"name": each, "type": "text"} for each in names]
    shapes += [{"columns": names, "rows": rows}, {"rows": rows, "meta": described}, [names, *rows]]
    shapes += [{"names": names, "values": cells}, {"columns": names, "data": [*other, *cells]}]
    shape = draw(st.sampled_from(shapes))
    for _ in range(draw(st.integers(0, 3))):
        other = draw(HARMLESS)
        shape = draw(
            st.sampled_from([{"a": other, "b": shape, "c": other}, [other, shape], {"rows": [shape, other]}])
        )
    return shape, secret


def survives(text: str, secret: str) -> bool:
    found = redact(Message("POST / HTTP/1.1", [], text, cut=False), None, NAMES).request
    return any(part in found for part in (secret, *secret.split(" ")))


@given(planted(), st.sampled_from([None, 1, 4]), st.integers(0, 2))
def test_no_secret_survives_in_json_at_any_depth_of_texts(made, indent, wrapped):
    shape, secret = made
    text = json.dumps(shape, indent=indent)
    for _ in range(wrapped):
        text = json.dumps({"log": text})
    assert not survives(text, secret), text


@given(planted(), st.sampled_from([True, False, None]), st.integers(1, 6), st.integers(0, 2))
def test_no_secret_survives_in_yaml(made, flow, indent, wrapped):
    shape, secret = made
    text = yaml.dump(shape, Dumper=without_aliases(), default_flow_style=flow, indent=indent, sort_keys=False)
    for _ in range(wrapped):
        text = json.dumps({"log": text})
    assert not survives(text, secret), text


@given(
    NAME,
    SECRET,
    st.sampled_from(",;\t|"),
    st.integers(0, 3),
    st.lists(HARMLESS, min_size=3, max_size=3),
    st.sampled_from(["e-mail", "Price (€)", "Active?", "R&D", "Bob's", "last, first", "a;b|c\td"]),
    st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
    st.sampled_from(["\r\n", "\n", "\r"]),
    st.sampled_from(["", "\ufeff", "of today\n\n"]),
    st.integers(0, 2),
)
def test_no_secret_survives_in_csv(  # noqa: PLR0917
    name, secret, delimiter, column, others, other, quoting, ends, begin, wrapped
):
    written = io.StringIO()
    rows = csv.writer(written, delimiter=delimiter, quoting=quoting, lineterminator=ends)
    for row in (["id", "user name", other], others, ["x", 'two\nlines "quoted"', f"a{delimiter}b"]):
        rows.writerow([*row[:column], name if row[0] == "id" else secret, *row[column:]])
    text = begin + written.getvalue()
    by_name = delimiter.join(("id", "name", "value")) + ends + delimiter.join(("7", name, secret))
    assert not survives(by_name, secret), by_name
    for _ in range(wrapped):
        text = json.dumps({"file": text})
    assert not survives(text, secret), text


@given(planted(), st.sampled_from([None, 1]), st.integers(1, 2), st.booleans())
def test_no_secret_survives_where_a_form_has_a_text_of_another_format(made, indent, wrapped, is_yaml):
    shape, secret = made
    text = yaml.dump(shape, Dumper=without_aliases()) if is_yaml else json.dumps(shape, indent=indent)
    for _ in range(wrapped):
        text = urlencode({"a": "b c", "file": text, "d": "e"})
    assert not survives(text, secret), text


@given(NAME, SECRET, st.sampled_from(["", "it''s ", "a, (b) "]), st.booleans())
def test_no_secret_survives_in_sql_and_command_lines(name, secret, before, is_packed):
    literal, column = f"'{before}{secret}'", name.replace("-", "_")
    texts = [
        f"INSERT INTO u (id, {column}, a) VALUES (1, {literal}, 'b'), (lower('A'), f({literal}), 'b')",
        f'insert into "u" ("{column}") values ({literal})',
        f"INSERT INTO u (id, {column}) VALUES (1, 2, {literal})",
        f"UPDATE u SET {column}={literal}, a = 'b'",
        f"SELECT a FROM u WHERE `{column}` <> {literal} AND a = 1",
        f"SELECT a FROM u WHERE u.{column} NOT IN ('a', {literal}) AND a = 1",
        f"ALTER USER ann IDENTIFIED BY {literal}; ALTER ROLE ann PASSWORD {literal}",
        f"run --a b --{name} '{secret}' -c",
        f'run --{name}="{secret}" -c',
        f"run -u 'ann:{secret}' -p \"{secret}\" b",
        f'She said the {name} is "{secret}", and that the other {name} was changed to `{secret}`.',
    ]
    texts += [
        f"run -{name} {part}\nsent with Bearer {part}, twice\nrun -u ann:{part}" for part in secret.split(" ")
    ]
    for text in texts:
        whole = json.dumps({"log": text}) if is_packed else text
        assert not survives(whole, secret), whole


@given(NAME, SECRET)
def test_no_secret_survives_in_forms_and_markup(name, secret):
    one, other = escape(secret), quoteattr(secret)
    part = f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{secret}\r\n--b--'
    texts = [urlencode({"a": "b", name: secret, "c": "d"}), part, f"<a><{name}>{one}</{name}></a>"]
    texts += [
        f"<a {name}={other}/>",
        f'<add key="{name}" value={other}/>',
        f"{name} = {secret}",
        f"{name}: {secret}",
        f'{name} = """\n{secret}\n"""\na = 1',
        f"{name} = '''{secret}\n'''",
        f"<property><name>{name}</name>\n<value>{one}</value></property>",
        f"<dict><key>{name}</key><string>{one}</string></dict>",
    ]
    for text in texts:
        assert not survives(text, secret), text


@given(st.text(alphabet="\"'\\{}[]<>,;:|-= \n\tapwnametoken%25", max_size=200))
def test_nothing_that_is_sent_is_a_fault(text):
    redact(Message("POST / HTTP/1.1", [], text, cut=False), None, NAMES)
