"""What only a super-user may write: words that a gateway replaces by something of its host."""

import pytest

from apis.definition import problems
from apis.references import internal_targets
from apis.shape import TYPES
from tests.apis.definitions import plain
from tests.apis.test_definition import holding, leaves, merged

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
    assert [problem.pointer for problem in problems(definition, may_use_references=False)] == [pointer]
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


def test_the_apis_that_a_definition_sends_requests_to_are_found():
    definition = plain(
        definition={"versions": {"v2": "abc", "v1": ""}},
        config_data={"x": ["tyk://one/path?x", "TYK://Two", "tyk://self/y"]},
    )
    assert internal_targets(definition) == [
        ("/config_data/x/0", "one"),
        ("/config_data/x/1", "Two"),
        ("/definition/versions/v2", "abc"),
    ]
