"""`x-tyk-streaming`: streams of messages, which gateways of Tyk's Enterprise Edition run by Bento. Pure.

A stock gateway has none of it: where streaming is switched on it answers 403, else it runs the classic half alone. What
Bento can do is more than anybody may have a gateway do who shares it: it opens files, runs programs and puts values of
its host into texts. So for organisation users every member is one that is known here, and judged.
"""

import re
from collections.abc import Iterator
from typing import Any

from apis.definitions.oas.made import EXTENSION
from apis.definitions.pointer import Path
from apis.definitions.rules.targets import outside_fault
from orgs.http.strict_json import printable

STREAMING = "x-tyk-streaming"
NOT_STOCK = (
    "/x-tyk-streaming: only gateways of Tyk's Enterprise Edition with streaming switched on run streams. "
    "A stock gateway does not: {instead}."
)
_SENT_ON = "it sends requests on to the upstream, and answers 403 where streaming is switched on"
_NO_UPSTREAM = "there is no upstream, so it answers each request with an error"
_NOT_READ = "{place}: is not known here. It is kept, and gateways are not told of it."

UNKNOWN = "is not known here, so that only super-users may use it: it could reach the gateway's host"
HOST = "is for super-users only: it reaches the gateway's host"
VARIABLE = (
    "must not have variables but ${! … }: gateways put values of their host, or of a caller, in their place"
)
FUNCTION = "must not ask the gateway's host ({name})"
LITERAL = "must have its scheme and host in full, without variables"
_PARTS = "input output pipeline input_resources output_resources processor_resources shutdown_delay shutdown_timeout"
# What moves messages, and what works on them; the rest of Bento opens files, programs and stores of the host.
_COMPONENTS = """
amqp_0_9 amqp_1 broker http_client http_server kafka mqtt
archive bloblang bounds_check branch catch compress decompress dedupe for_each grok group_by group_by_value http
insert_part jmespath jq json_schema log mapping metric mutation noop parallel parse_log processors rate_limit resource
retry select_parts sleep split switch sync_response try unarchive while workflow
chunker json_documents lines re_match skip_bom tar to_the_end xml_documents
"""
_MEMBERS = """
access_token access_token_secret ack_replicas algorithm allow_rfc3339 allowed_origins allowed_verbs app_id
application_properties_map at_least_once auto_ack auto_delete auto_replay_nacks azure_renew_lock backoff backoff_on
basic_auth batch_as_multipart batching best_effort bindings_declare body branch_resources branches byte_size cap cast
cert check checkpoint_limit claims clean_session client_certs client_id client_key client_secret codec commit_period
compression connect_timeout consumer_group consumer_key consumer_secret consumer_tag content content_disposition
content_encoding content_type continue_on_error copies correlation_id cors count credit custom_delimiter
custom_topic_creation default_timezone default_year drop_empty_bodies drop_on drop_on_err dump_request_log_level durable
duration dynamic_client_id_suffix enable_renegotiation enabled endpoint_params exchange exchange_declare
exclude_prefixes expiration expressions extract_headers extract_tracing_map fallthrough fetch_buffer_cap fields
fields_mapping format group headers heartbeat heartbeat_interval idempotent_write immediate include_patterns
include_prefixes index initial_interval inject_tracing_map inputs into interval jitter jwt keepalive key label labels
level mandatory max_buffer max_buffer_size max_elapsed_time max_in_flight max_interval max_loops max_msg_bytes
max_part_size max_parts max_processing_period max_retries max_retry_backoff mechanism message message_id meta_path
metadata metadata_headers min_part_size min_parts multi_header multipart nack_reject_patterns name named_captures_only
oauth oauth2 omit_empty operator order output_raw outputs partition partitioner partitions parts password path pattern
pattern_definitions payload period persistent ping_period pong_wait prefetch_count prefetch_size priority
propagate_response qos query queue queue_declare rack_id raw re_match_name read_header realm rebalance_timeout reconnect
remove_empty_values replication_factor reply_to request_map result_map retained retained_interpolated retries
retry_as_batch retry_period root_cas sasl scanner schema scopes session_timeout signing_method size skip_cert_verify
skip_on source_address start_from_oldest static_headers status strategy stream stream_format stream_path successful_on
target_address target_version threads timeout tls token_key topic topics ttl type use_default_patterns user user_id
username value verb will write_timeout write_wait ws_message_type ws_path ws_rate_limit_message ws_welcome_message
"""
_ADDRESSES = frozenset(("addresses", "proxy_url", "token_url", "url", "urls"))
_KNOWN = frozenset(_COMPONENTS.split()) | frozenset(_MEMBERS.split()) | _ADDRESSES | frozenset(_PARTS.split())
_FILES = frozenset(
    ("address", "cert_file", "key_file", "pattern_paths", "private_key_file", "root_cas_file", "schema_path")
)
# Objects whose members have names of their author's choice.
_MAPS = frozenset(
    (
        "branches",
        "claims",
        "endpoint_params",
        "fields",
        "headers",
        "labels",
        "pattern_definitions",
        "static_headers",
    )
)
_VALUES = {
    # Others take the credentials of the gateway's host.
    "mechanism": ("", "none", "PLAIN", "OAUTHBEARER", "SCRAM-SHA-256", "SCRAM-SHA-512", "anonymous", "plain"),
    # In the place of a component's name, or of an exchange or a metric.
    "type": (
        "",
        *_COMPONENTS.split(),
        "direct",
        "fanout",
        "topic",
        "headers",
        "counter",
        "counter_by",
        "gauge",
        "timing",
    ),
}
_VARIABLE = re.compile(r"\$(?!\{!)[\w{$]")
_FUNCTION = re.compile(r"\b(env|file|file_rel|hostname)\s*\(|\b(import|from)\s+[\"']")
_SCHEMES = re.compile(r"^(?:amqps?|mqtts?|ssl|tcp|tls|wss?)://", re.IGNORECASE)
_AUTHORITY = re.compile(r"\w[\w+.-]*://[^/?#$]+[/?#]")


def problems(document: dict, *, trusted: bool) -> Iterator[tuple[Path, str]]:
    """(path, what is wrong) of the streams of a document. trusted: its author is a super-user."""
    if STREAMING not in document:
        return
    streaming = document[STREAMING]
    if not isinstance(streaming, dict) or not isinstance(streaming.get("streams"), dict):
        yield (STREAMING,), "must be an object with `streams`, an object of streams by name"
        return
    for name, stream in streaming["streams"].items():
        place = (STREAMING, "streams", name)
        if not isinstance(stream, dict):
            yield place, "must be an object"
        elif not trusted:
            for part, value in stream.items():
                yield from _judged(value, part, (*place, part), known=part in _PARTS.split())


def _judged(value: Any, name: str, path: Path, *, known: bool) -> Iterator[tuple[Path, str]]:
    """What is wrong at `path` and below it; `name` is that of the member which the value stands in, however deep in
    lists. known: whether that name may stand there."""
    if name in _FILES:
        if value:  # an empty one names nothing
            yield path, HOST
    elif not known:
        yield path, UNKNOWN
    elif isinstance(value, dict):
        for below, inner in value.items():
            here = (*path, below)
            if fault := _text_fault(below):
                yield here, fault
            yield from _judged(
                inner, "" if name in _MAPS else below, here, known=name in _MAPS or below in _KNOWN
            )
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _judged(inner, name, (*path, index), known=True)
    elif isinstance(value, str) and (fault := _fault(name, value)):
        yield path, fault


def _fault(name: str, value: str) -> str | None:
    if fault := _text_fault(value):
        return fault
    if name in _VALUES and value not in _VALUES[name]:
        return f"must be one of {', '.join(_VALUES[name][1:])}"
    if name not in _ADDRESSES:
        return None
    return next((fault for each in value.split(",") if (fault := _address_fault(each.strip()))), None)


def _text_fault(text: str) -> str | None:
    if _VARIABLE.search(text):
        return VARIABLE
    found = _FUNCTION.search(text)
    return FUNCTION.format(name=found[1] or found[2]) if found else None


def _address_fault(text: str) -> str | None:
    fixed = text.split("${!", 1)[0]
    if fixed != text and not _AUTHORITY.match(fixed):
        return LITERAL
    return outside_fault(_SCHEMES.sub("http://", fixed)) if fixed else None


def given(document: dict) -> dict[str, Any] | None:
    """What gateways are given of it; None of a document without streams."""
    return {"streams": document[STREAMING]["streams"]} if STREAMING in document else None


def is_without_upstream(document: dict) -> bool:
    """Whether there are streams, and a gateway that runs none has nothing to send requests on to."""
    return STREAMING in document and not ((document.get(EXTENSION) or {}).get("upstream") or {}).get("url")


def remarks(document: dict) -> Iterator[str]:
    """What its author should know of gateways and a document that may be published, in sentences."""
    if STREAMING in document:
        yield NOT_STOCK.format(instead=_NO_UPSTREAM if is_without_upstream(document) else _SENT_ON)
        for name in document[STREAMING]:
            if name not in ("streams", "info"):
                yield _NOT_READ.format(place=f"/{STREAMING}/{printable(name)}")
