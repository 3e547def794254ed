"""The part of a classic definition's form that is about single requests: lists of endpoints by path and method. Data
alone."""

from apis.definitions.fields.description import (
    LARGEST,
    NONE,
    VERSION,
    Field,
    Rows,
    Section,
    lines,
    pairs,
    switch,
)
from apis.definitions.fields.texts import METHODS
from apis.definitions.pointer import Path

LONG = 2_000  # characters
_METHOD = (NONE, *((name, name) for name in METHODS))
_PATHS: Path = ("version_data", "versions", VERSION, "extended_paths")
_PATH = Field("path", ("path",), "line", "Path", most=LONG, required=True)
_OF = Field("method", ("method",), "choice", "Method", choices=_METHOD, required=True)
_OF_LIST = _OF._replace(kind="endpoint method", own=(("method_actions",),))


def _version(*steps: str) -> Path:
    return ("version_data", "versions", VERSION, *steps)


def _endpoints(name: str, label: str, help: str) -> Rows:
    return Rows(name, (*_PATHS, name), label, "entry", (_PATH, _OF_LIST, _IGNORE_CASE), help)


_IGNORE_CASE = switch("ignore_case", ("ignore_case",), "Upper and lower case alike")

LISTS = Section(
    "lists",
    "Allow, block and ignore lists",
    (
        _endpoints("white_list", "Allow list", "With an entry here, all other requests are refused."),
        _endpoints("black_list", "Block list", "These requests are refused."),
        _endpoints("ignored", "Ignore list", "These requests need no key."),
    ),
)
_ADDED = pairs("add", ("add_headers",), "Set")
_DELETED = lines("delete", ("delete_headers",), "Take out", "Names, one a line.")
HEADERS = Section(
    "headers",
    "Headers",
    (
        pairs("global_headers", _version("global_headers"), "Set in every request"),
        lines(
            "global_headers_remove",
            _version("global_headers_remove"),
            "Take out of every request",
            "Names, one a line.",
        ),
        pairs(
            "global_response_headers", _version("global_response_headers"), "Set in every response"
        )._replace(needs="header_injector"),
        lines(
            "global_response_headers_remove",
            _version("global_response_headers_remove"),
            "Take out of every response",
            "Names, one a line.",
        )._replace(needs="header_injector"),
        Rows(
            "transform_headers",
            (*_PATHS, "transform_headers"),
            "Of single requests",
            "entry",
            (_PATH, _OF, _ADDED, _DELETED),
        ),
        Rows(
            "transform_response_headers",
            (*_PATHS, "transform_response_headers"),
            "Of single responses",
            "entry",
            (_PATH, _OF, _ADDED, _DELETED),
            needs="header_injector",
        ),
    ),
)
_TEMPLATES = (
    _PATH,
    _OF,
    Field(
        "template",
        ("template_data", "template_source"),
        "template",
        "Template",
        "Go's text/template, such as <code>{{ .name }}</code>.",
        most=LARGEST,
        own=(("template_data", "template_mode"),),
    ),
    Field(
        "input",
        ("template_data", "input_type"),
        "choice",
        "The body is",
        choices=(NONE, ("json", "JSON"), ("xml", "XML")),
        required=True,
    ),
    switch("session", ("template_data", "enable_session"), "Let it read the key's metadata"),
)
BODIES = Section(
    "bodies",
    "Bodies",
    (
        Rows("transform", (*_PATHS, "transform"), "Of requests", "entry", _TEMPLATES),
        Rows(
            "transform_response",
            (*_PATHS, "transform_response"),
            "Of responses",
            "entry",
            _TEMPLATES,
            needs="response_body_transform",
        ),
    ),
)
REWRITES = Section(
    "rewrites",
    "URL rewrite",
    (
        Rows(
            "url_rewrites",
            (*_PATHS, "url_rewrites"),
            "Rewrites",
            "entry",
            (
                _PATH,
                _OF,
                Field(
                    "pattern",
                    ("match_pattern",),
                    "line",
                    "Pattern",
                    "Such as <code>/old/(.*)</code>.",
                    most=LONG,
                    required=True,
                ),
                Field(
                    "to",
                    ("rewrite_to",),
                    "line",
                    "Rewrite to",
                    "Such as <code>/new/$1</code>.",
                    most=LONG,
                    required=True,
                ),
            ),
            "Triggers of a rewrite are edited as JSON, and stay.",
        ),
    ),
)
MOCKS = Section(
    "mocks",
    "Mock responses",
    (
        Rows(
            "mock_response",
            (*_PATHS, "mock_response"),
            "Mocks",
            "entry",
            (
                _PATH,
                _OF,
                Field("code", ("code",), "whole", "Status", most=599, required=True),
                pairs("headers", ("headers",), "Headers"),
                Field("body", ("body",), "area", "Body", most=LARGEST),
            ),
            "Gateways of 5.x answer these themselves; those of 3.x send the requests on.",
        ),
    ),
)

SECTIONS = (LISTS, HEADERS, BODIES, REWRITES, MOCKS)
