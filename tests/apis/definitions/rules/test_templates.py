"""Body templates: what of them is refused, and how what they print is kept from becoming a reference."""

import base64

import pytest

from apis.definitions.rules.templates import decoded, fault, guarded
from tests.apis.examples import b64


def guard(text):
    return base64.b64decode(guarded(b64(text))).decode()


@pytest.mark.parametrize(
    ("blob", "text"),
    [
        ("", ""),
        ("YQ==", "a"),
        ("Y\r\nQ=\n=", "a"),
        ("/w==", "\ufffd"),
        ("YQ", None),
        ("Y Q==", None),
        ("YQ==\t", None),
        ("_-8=", None),
        ("YQ==YQ==", None),
        ("ü", None),
    ],
)
def test_a_blob_is_read_as_gateways_read_it(blob, text):
    assert decoded(blob) == text


UNREADABLE, UNBALANCED = (
    "has an action {{…}} that cannot be read",
    "has an action {{…}} with unbalanced brackets",
)
BEHIND = "must not have an action behind $"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", None),
        ("no action } }} (", None),
        ("{{.a}}", None),
        ('{{"}}"}}{{`}}`}}', None),
        ("{{/* }} ( */}}", None),
        ('{{print "(" .a}}', None),
        ("{{ (index .a 1) }}", None),
        ("{{.a", UNREADABLE),
        ("{{.a}} {{", UNREADABLE),
        ('{{"}}', UNREADABLE),
        ("{{(.a}}", UNBALANCED),
        ("{{.a)}}", UNBALANCED),
        ("{{) .a (}}", UNBALANCED),
        ("{{repeat 9 .a}}", "must not use repeat"),
        ("{{.a | genCA 1}}", "must not use genCA"),
        ("{{randAlpha 9}}", "must not use randAlpha"),
        ("{{getHostByName .a}}", "must not use getHostByName"),
        ("{{untilStep 0 9 1}}", "must not use untilStep"),
        ("{{wrapWith 1 .a .b}}", "must not use wrapWith"),
        ("{{.repeated}}", None),
        ("{{.generator}}", None),
        ("{{trim .a}}", None),
        ("${{if .a}}", BEHIND),
        ("$s{{end}}", BEHIND),
        ("$secret_ \n{{range .a}}", BEHIND),
        ("${{$x := .a}}", BEHIND),
        ("${{/* a */}}", BEHIND),
        ("$x{{if .a}}", None),
        ("${{.a}}", None),
        ("${{$x}}", None),
        ("${{iffy}}", None),
    ],
)
def test_a_template_is_refused_for_what_a_gateway_could_be_made_to_do(text, found):
    assert fault(text) == found


def printed(value, before="", after="}}"):
    return (
        r"{{regexReplaceAll `\$(secret_|(?:s(?:e(?:c(?:r(?:e(?:t)?)?)?)?)?)?$)` "
        f"(printf `{before}%v` ({value})) `$$ ${{1}}`{after}"
    )


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("", ""),
        ("a } b", "a } b"),
        ("a {{ .b }} c", f"a {printed('.b')} c"),
        ("{{.a}}{{.b}}", printed(".a") + printed(".b")),
        ("cost: ${{.a}}", f"cost: {printed('.a', '$')}"),
        ("$secr{{.a}}et", f"{printed('.a', '$secr')}et"),
        ("a {{- .b -}} c", f"a{printed('.b', '', ' -}}')} c"),
        ("$ {{- .b}}", printed(".b", "$")),
        ("{{if .a}}x{{else}}y{{end}}", "{{if .a}}x{{else}}y{{end}}"),
        ("{{range $i, $e := .a}}{{$e}}{{end}}", "{{range $i, $e := .a}}" + printed("$e") + "{{end}}"),
        ("{{$x := 1}}{{$x = 2}}{{$x}}", "{{$x := 1}}{{$x = 2}}" + printed("$x")),
        ("{{/* a */}}", "{{/* a */}}"),
    ],
)
def test_what_is_printed_is_guarded_and_nothing_else(text, made):
    assert guard(text) == made


@pytest.mark.parametrize("blob", ["no base64!", "YQ"])
def test_what_no_gateway_decodes_is_left_alone(blob):
    assert guarded(blob) == blob
