"""The part of an OpenAPI document's form that is about single operations. Data alone."""

from apis.definitions.fields.description import (
    LARGEST,
    NONE,
    Field,
    Rows,
    Section,
    lines,
    member,
)
from apis.definitions.oas.made import of_extension

LONG = 2_000  # characters
_OPERATION = Field(
    "key", (), "key", "Operation ID", "An <code>operationId</code> of the document.", required=True
)
OPERATIONS = Section(
    "operations",
    "Single operations",
    (
        Rows(
            "operations",
            of_extension("middleware/operations"),
            "Operations",
            "operation",
            (
                _OPERATION,
                member("allow", "allow/enabled", "switch", "Allow: refuse all that are not"),
                member("block", "block/enabled", "switch", "Block"),
                member("ignore", "ignoreAuthentication/enabled", "switch", "Needs no key"),
                member("mock", "mockResponse/enabled", "switch", "Answer with a mock"),
                member("mock_code", "mockResponse/code", "whole", "Status of the mock", most=599),
                member("mock_body", "mockResponse/body", "area", "Body of the mock", most=LARGEST),
                member("validate", "validateRequest/enabled", "switch", "Check requests by the document"),
                member("rewrite", "urlRewrite/enabled", "switch", "Rewrite the URL"),
                member("pattern", "urlRewrite/pattern", "line", "Pattern", most=LONG),
                member("to", "urlRewrite/rewriteTo", "line", "Rewrite to", most=LONG),
            ),
            shape="map",
            help="Everything else of an operation is edited as JSON, and stays.",
        ),
    ),
)


def _of_operations(name: str, plugin: str, label: str, columns: tuple[Field, ...]) -> Rows:
    """Those operations of which the extension has a member, by what it says there. One that is added is on."""
    off = Field("off", (plugin, "enabled"), "reversed", "Switched off")
    return Rows(
        name,
        of_extension("middleware/operations"),
        label,
        "operation",
        (_OPERATION, *columns, off),
        shape="members",
        new={plugin: {"enabled": True}},
        member=plugin,
    )


def _changed_headers(name: str, plugin: str, label: str) -> Rows:
    added = Field(
        "added", (plugin, "add"), "headers", "Set", "One a line: <code>Name: value</code>.", LARGEST
    )
    return _of_operations(
        name, plugin, label, (added, lines("removed", (plugin, "remove"), "Take out", "Names, one a line."))
    )


def _changed_bodies(name: str, plugin: str, label: str) -> Rows:
    template = Field(
        "template",
        (plugin, "body"),
        "blob",
        "Template",
        "Go's text/template, such as <code>{{ .name }}</code>.",
        LARGEST,
    )
    format = Field(
        "format",
        (plugin, "format"),
        "choice",
        "The body is",
        choices=(NONE, ("json", "JSON"), ("xml", "XML")),
    )
    return _of_operations(name, plugin, label, (template, format))


CHANGES = Section(
    "changes",
    "Headers and bodies of single operations",
    (
        _changed_headers("request_headers_of", "transformRequestHeaders", "Headers of requests"),
        _changed_headers("response_headers_of", "transformResponseHeaders", "Headers of responses"),
        _changed_bodies("request_body_of", "transformRequestBody", "Bodies of requests"),
        _changed_bodies("response_body_of", "transformResponseBody", "Bodies of responses"),
    ),
)

SECTIONS = (OPERATIONS, CHANGES)
