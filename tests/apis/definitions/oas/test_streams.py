"""Streams: what of Bento an organisation may have gateways run, member by member."""

import pytest

from apis.definitions import kinds
from apis.definitions.oas import streams
from tests.apis.examples import openapi

AT = "/x-tyk-streaming/streams/s"
KAFKA = {"addresses": ["kafka:9092"], "topics": ["orders"], "consumer_group": "g"}
GOOD = {
    "input": {
        "label": "in",
        "broker": {
            "inputs": [
                {"kafka": {**KAFKA, "sasl": {"mechanism": "PLAIN", "user": "u", "password": "p"}}},
                {"amqp_0_9": {"urls": ["amqp://guest:guest@mq:5672/"], "queue": "q"}},
                {"mqtt": {"urls": ["tcp://mq:1883", "ssl://mq:8883"], "topics": ["t"]}},
                {
                    "http_server": {
                        "address": "",
                        "path": "/post",
                        "ws_path": "/ws",
                        "allowed_verbs": ["POST"],
                    }
                },
            ]
        },
    },
    "pipeline": {
        "threads": 2,
        "processors": [
            {"bloblang": 'root = if this.kind.re_match("^a.*$") { this } else { deleted() }'},
            {"mapping": 'root.at = now()\nroot.file = this.file\nroot.from = "x"'},
            {"switch": [{"check": "this.a == 1", "processors": [{"log": {"message": "${! content() }"}}]}]},
            {"workflow": {"branches": {"any": {"request_map": "root = this", "processors": [{"noop": {}}]}}}},
        ],
    },
    "output": {
        "http_client": {
            "url": 'https://erp.example/x/${! meta("id") }',
            "verb": "POST",
            "headers": {"address": '${! json("a") }'},
        }
    },
}


def stream(**parts):
    return {**openapi(), "x-tyk-streaming": {"streams": {"s": parts}}}


def said(document, *, trusted=False):
    found = kinds.problems(document, may_use_references=trusted, org_id="a" * 24)
    return [(problem.pointer, problem.message) for problem in found]


def processed(**processor):
    return stream(pipeline={"processors": [processor]})


PROCESSOR = f"{AT}/pipeline/processors/0"
BAD = [
    (stream(input={"file": {"paths": ["/etc/passwd"]}}), f"{AT}/input/file", streams.UNKNOWN),
    (stream(http={"address": ":80"}), f"{AT}/http", streams.UNKNOWN),
    (stream(logger={}), f"{AT}/logger", streams.UNKNOWN),
    (processed(command={"name": "id"}), f"{PROCESSOR}/command", streams.UNKNOWN),
    (processed(type="subprocess"), f"{PROCESSOR}/type", None),
    (processed(plugin={}), f"{PROCESSOR}/plugin", streams.UNKNOWN),
    (
        processed(switch=[{"check": "true", "processors": [{"wasm": {}}]}]),
        f"{PROCESSOR}/switch/0/processors/0/wasm",
        streams.UNKNOWN,
    ),
    (
        processed(workflow={"branches": {"b": {"processors": [{"command": {}}]}}}),
        f"{PROCESSOR}/workflow/branches/b/processors/0/command",
        streams.UNKNOWN,
    ),
    (processed(json_schema={"schema_path": "x"}), f"{PROCESSOR}/json_schema/schema_path", streams.HOST),
    (
        stream(input={"kafka": {**KAFKA, "tls": {"client_certs": [{"cert_file": "c"}]}}}),
        f"{AT}/input/kafka/tls/client_certs/0/cert_file",
        streams.HOST,
    ),
    (stream(input={"http_server": {"address": "0.0.0.0:80"}}), f"{AT}/input/http_server/address", streams.HOST),
    (
        stream(input={"kafka": {**KAFKA, "sasl": {"mechanism": "AWS_MSK_IAM"}}}),
        f"{AT}/input/kafka/sasl/mechanism",
        None,
    ),
    (stream(input={"kafka": {**KAFKA, "topics": ["${HOME}"]}}), f"{AT}/input/kafka/topics/0", streams.VARIABLE),
    (
        stream(input={"kafka": {**KAFKA, "topics": ["$tyk_context.path"]}}),
        f"{AT}/input/kafka/topics/0",
        streams.VARIABLE,
    ),
    (
        stream(output={"http_client": {"url": "http://a/", "headers": {"${HOME}": "x"}}}),
        f"{AT}/output/http_client/headers/${{HOME}}",
        streams.VARIABLE,
    ),
    (processed(mapping='root = env("HOME")'), f"{PROCESSOR}/mapping", streams.FUNCTION.format(name="env")),
    (
        processed(log={"message": '${! file("/etc/passwd") }'}),
        f"{PROCESSOR}/log/message",
        streams.FUNCTION.format(name="file"),
    ),
    (processed(bloblang='import "./x.blobl"'), f"{PROCESSOR}/bloblang", streams.FUNCTION.format(name="import")),
    (
        stream(output={"http_client": {"url": 'http://${! meta("h") }/'}}),
        f"{AT}/output/http_client/url",
        streams.LITERAL,
    ),
    (
        stream(output={"http_client": {"url": "tyk://other/"}}),
        f"{AT}/output/http_client/url",
        "must not be an internal target",
    ),
    (
        stream(input={"kafka": {**KAFKA, "addresses": ["kafka:9092,file:///x"]}}),
        f"{AT}/input/kafka/addresses/0",
        "must be a URL with http or https",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("document", "place", "message"), BAD)
def test_what_reaches_the_gateways_host_is_for_super_users_and_named_by_its_place(document, place, message):
    found = said(document)
    assert place in [pointer for pointer, _ in found]
    assert message is None or (place, message) in found
    assert said(document, trusted=True) == []


def test_what_moves_messages_between_addresses_in_full_is_anybodys():
    assert said(stream(**GOOD)) == []


def test_the_shape_holds_for_everybody():
    wrong = "must be an object with `streams`, an object of streams by name"
    for streaming, place, message in (
        (None, "/x-tyk-streaming", wrong),
        ({"streams": []}, "/x-tyk-streaming", wrong),
        ({"streams": {"s": "x"}}, AT, "must be an object"),
    ):
        assert said({**openapi(), "x-tyk-streaming": streaming}, trusted=True) == [(place, message)]


def test_a_stream_is_given_to_gateways_beside_its_classic_half_and_says_who_runs_it():
    document = {**stream(**GOOD), "x-own": 1}
    document["x-tyk-streaming"]["other"] = 1
    assert kinds.kind(document) == "streams"
    served = kinds.document_for_gateways(document)
    assert served["x-tyk-streaming"] == {"streams": {"s": GOOD}}
    assert kinds.classic_for_gateways(document, lambda api: None, {})["is_oas"] is True
    enterprise, other = kinds.additions(document)
    assert enterprise.endswith(
        "A stock gateway does not: it sends requests on to the upstream, "
        "and answers 403 where streaming is switched on."
    )
    assert other == "/x-tyk-streaming/other: is not known here. It is kept, and gateways are not told of it."


def test_a_stream_needs_no_upstream_and_then_a_stock_gateway_only_fails():
    document = {**openapi(extension={"upstream": {"url": ""}}), "x-tyk-streaming": {"streams": {"s": GOOD}}}
    assert said(document) == []
    assert kinds.additions(document)[0].endswith(
        "there is no upstream, so it answers each request with an error."
    )
    plain = openapi(extension={"upstream": {"url": ""}})
    assert said(plain) == [("/x-tyk-api-gateway/upstream/url", "must not be empty")]
