"""What only a super-user may write: words that a gateway replaces by something of its host."""

import pytest

from apis.definitions.classic import problems
from apis.definitions.rules import references
from apis.definitions.rules.shape import TYPES
from tests.apis.definitions.test_classic import holding, leaves, merged
from tests.apis.examples import b64, plain

PATHS = "/version_data/versions/Default/extended_paths"


def transforming(blob, kind="transform"):
    definition = plain()
    template = {"template_mode": "blob", "template_source": blob, "input_type": "json"}
    definition["version_data"]["versions"]["Default"]["extended_paths"] = {
        kind: [{"path": "/x", "method": "POST", "template_data": template}]
    }
    return definition


REFERENCES = [
    "env://NODE_SECRET",
    "secrets://x",
    "consul://x",
    "vault://x/y",
    "file:///etc/tyk/tyk.conf",
    "kv://x",
    "$kv{x}",
    "$secret_vault.x",
    "Bearer ENV://NODE_SECRET",
]


@pytest.mark.parametrize("reference", REFERENCES)
def test_a_reference_is_refused_in_every_text_of_a_definition(reference):
    texts = [steps for steps, wanted in leaves(TYPES) if wanted in ("string", "any", "duration")]
    passed = [
        steps
        for steps in texts
        if not any(
            "must not refer to the gateway's host" in problem.message
            for problem in problems(merged(plain(), holding(steps, reference)), may_use_references=False)
        )
    ]
    assert (passed, len(texts) > 200) == ([], True)


def test_a_reference_is_refused_in_a_name_and_below_what_is_not_known():
    found = problems(
        plain(config_data={"env://X": 1}, new={"deep": [{"x": "vault://y"}]}), may_use_references=False
    )
    assert [(problem.pointer, problem.message) for problem in found] == [
        ("/config_data/env:~1~1X", "must not refer to the gateway's host (env://)"),
        ("/new/deep/0/x", "must not refer to the gateway's host (vault://)"),
    ]


def test_a_super_user_may_write_references():
    assert problems(plain(config_data={"x": "env://X"}), may_use_references=True) == []


def test_a_template_from_the_gateways_disk_is_refused():
    template = {
        "path": "/x",
        "method": "GET",
        "template_data": {"template_mode": "file", "template_source": "/etc/passwd"},
    }
    definition = plain()
    definition["version_data"]["versions"]["Default"]["extended_paths"] = {"transform_response": [template]}
    pointer = "/version_data/versions/Default/extended_paths/transform_response/0/template_data/template_mode"
    found = problems(definition, may_use_references=False)
    assert found[0] == (pointer, "must be blob: other templates are files of the gateway's host")
    assert problems(definition, may_use_references=True) == []
    hook = {
        "handler_name": "eh_web_hook_handler",
        "handler_meta": {"TEMPLATE_PATH": "/etc/passwd", "target_path": "http://x"},
    }
    hooked = plain(event_handlers={"events": {"QuotaExceeded": [hook]}})
    pointer = "/event_handlers/events/QuotaExceeded/0/handler_meta/TEMPLATE_PATH"
    assert [problem.pointer for problem in problems(hooked, may_use_references=False)] == [pointer]
    assert problems(hooked, may_use_references=True) == []


def test_text_that_only_looks_like_a_reference_passes():
    definition = plain(
        config_data={"a": "environment: production", "b": "https://vault.example/", "c": "$tyk_meta.x"}
    )
    assert problems(definition, may_use_references=False) == []


def test_a_reference_in_base64_is_refused():
    """Issue input: `template_mode: "blob"` carried what was refused in clear."""
    for text in ("$secret_conf.x", '{"a": "$secret_env.x"}', "{{.a}} $secret_vault.x", "$secret_file.x"):
        for written in (b64(text), b64(text)[:10] + "\r\n" + b64(text)[10:]):
            definition = transforming(written)
            pointer = f"{PATHS}/transform/0/template_data/template_source"
            found = problems(definition, may_use_references=False)
            assert [problem.pointer for problem in found] == [pointer]
            assert found[0].message.startswith("must not refer to the gateway's host ($secret_")
            assert problems(definition, may_use_references=True) == []


@pytest.mark.parametrize(
    ("members", "pointer"),
    [
        (lambda blob: {"jwt_source": blob}, "/jwt_source"),
        (
            lambda blob: {"external_oauth": {"providers": [{"jwt": {"source": blob}}]}},
            "/external_oauth/providers/0/jwt/source",
        ),
    ],
)
def test_so_is_one_in_any_other_blob_that_a_gateway_decodes(members, pointer):
    for text in ("env://NODE_SECRET", "$secret_conf.x"):
        found = problems(plain(**members(b64(text))), may_use_references=False)
        said = "must not refer to the gateway's host"
        assert [(problem.pointer, problem.message[: len(said)]) for problem in found] == [(pointer, said)]


@pytest.mark.parametrize("blob", ["no base64!", "YQ", "_-8=", "YQ==YQ=="])
def test_a_blob_that_a_gateway_does_not_decode_is_refused(blob):
    found = problems(transforming(blob), may_use_references=False)
    assert [problem.message for problem in found] == ["must be base64, as a gateway decodes it"]


@pytest.mark.parametrize(
    "members",
    [
        {"config_data": {"X-TYK-Internal": "1"}},
        {"request_signing": {"signature_header": "x-tyk-internal"}},
        {"upstream_auth": {"basic_auth": {"header": {"name": " X-Tyk-Internal"}}}},
    ],
)
def test_the_header_that_opens_internal_apis_is_refused_wherever_it_stands(members):
    found = problems(plain(**members), may_use_references=False)
    assert [problem.message for problem in found] == [
        "must not name a header by which a gateway reaches APIs inside it"
    ]


@pytest.mark.parametrize(
    ("text", "passes"),
    [
        ("env://Orders_Key", True),
        ("$secret_vault.a/B", True),
        ("env://orders_key", False),
        ("ENV://Orders_Key", False),
        ("env://Orders_Key ", False),
        ("env://Orders_Keys", False),
        ("$secret_vault.a/b", False),
    ],
)
def test_what_is_allowed_is_allowed_letter_by_letter_as_a_value_and_as_nothing_else(text, passes):
    allowed = {"env://Orders_Key", "$secret_vault.a/B"}
    for definition, place in (({"a": [{"b": text}]}, "/a/0/b"), ({"source": text}, "/source")):
        found = [problem.pointer for problem in references.problems(definition, allowed)]
        assert found == ([] if passes else [place])
    assert references.problems({text: 1}, allowed) != []
    assert references.problems({"source": b64(text)}, allowed) != []
