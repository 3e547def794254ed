"""What the command `adopt` says of a gateway's files, in lines for a terminal."""

import shlex

from keys.files.adoption import LEFT, NEW, REFUSED, REPLACED, SAME, Report, Result
from orgs.http.strict_json import plain
from orgs.models import Organisation

_WORDS = {
    NEW: "new",
    REPLACED: "another revision",
    SAME: "there already, unchanged",
    LEFT: "there already, differs: stays as it is (--replace)",
    REFUSED: "refused",
}


def review(report: Report, organisation: Organisation) -> list[str]:
    """A line for each API, policy and file that is neither, with what there is to say of it; then the numbers."""
    lines = [line for result in report.results for line in _lines(result)]
    lines += [plain(f"file {file.name}: {file.fault}") for file in report.others]
    return [*lines, *_organisations(report, organisation), *_loss(report), f"In all: {counted(report)}."]


def counted(report: Report) -> str:
    said = (
        f"{report.counts[outcome]:,} {words}" for outcome, words in _WORDS.items() if report.counts[outcome]
    )
    return ", ".join(said) or "nothing"


def next_steps(report: Report, organisation: Organisation) -> list[str]:
    """What is to be done after it."""
    command = f"manage.py adopt import --org {organisation.slug} --all"
    former = [shlex.quote(id) for id in _other_ids(report, organisation)]
    return [
        "Next:",
        "  1. Put the block of the page Nodes into tyk.conf (but keep your hash_key_function there, and tell it to"
        " Gatehouse as GATEWAY_HASH_KEY_FUNCTION) and restart the gateway.",
        "  2. Take the keys over that are in its Redis (manage.py adopt list shows them):",
        *(plain(f"     {command} --former {id}") for id in former),
        *([] if former else [f"     {command}"]),
    ]


def _other_ids(report: Report, organisation: Organisation) -> dict[str, int]:
    """The organisations that the files name, but for this one, and how often each."""
    return {id: count for id, count in report.org_ids.items() if id != organisation.id}


def _lines(result: Result) -> list[str]:
    where = f"{result.file}{' ' + result.pointer if result.pointer else ''}"
    name = f" {result.name!r}" if result.name else ""
    head = f"{result.kind}{name} ({where}): {_WORDS[result.outcome]}"
    said = [str(problem) for problem in result.problems] + list(result.notes)
    return [plain(head), *(plain(f"    {each}") for each in said)]


def _loss(report: Report) -> list[str]:
    if not (loss := report.loss):
        return []
    return [f"It takes {loss.removed:,} of {loss.of:,} routes away ({loss.share} %)."]


def _organisations(report: Report, organisation: Organisation) -> list[str]:
    """What becomes of the organisations that the files name, and of the sessions which name them too."""
    lines = [
        plain(f"org_id {id!r} of {count:,} becomes {organisation.id}, the organisation {organisation.slug}.")
        for id, count in _other_ids(report, organisation).items()
    ]
    if lines:
        lines += [
            "    Keys in Redis name the former one: from the gateway's restart until they are taken over with --former,"
            " gateways of 5.x",
            "    refuse those by policy, and all gateways users with basic authentication, whose names --users has to"
            " say. An id of 24",
            "    hexadecimal digits can stay instead: manage.py bootstrap --neworg --org-id.",
        ]
    return lines
