"""The text format that Prometheus reads (version 0.0.4). Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True)
class Metric:
    """label: the one label its samples have, "" for none. Whoever adds one makes sure that its values are few, and say
    nothing of any organisation."""

    name: str
    kind: Literal["counter", "gauge"]
    help: str
    label: str = ""


def written(metrics: Iterable[Metric], samples: Mapping[str, Mapping[str, float]]) -> str:
    """samples: by the name of their metric and the value of its label. A metric without any is left out."""
    lines: list[str] = []
    for metric in metrics:
        found = samples.get(metric.name, {})
        if found:
            lines += [f"# HELP {metric.name} {_help(metric.help)}", f"# TYPE {metric.name} {metric.kind}"]
            lines += [
                f"{metric.name}{_labelled(metric.label, value)} {number:.15g}"
                for value, number in found.items()
            ]
    return "".join(f"{line}\n" for line in lines)


def _help(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n")


def _labelled(label: str, value: str) -> str:
    if not label:
        return ""
    escaped = value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
    return f'{{{label}="{escaped}"}}'
