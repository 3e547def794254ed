"""What a template adds to a document out of which an API is made. Pure."""

from typing import Any


def applied(document: dict, template: dict) -> dict:
    """A copy of a document with what a template has besides: objects are put together, of all else the document's own
    counts. Members of the template that the document lacks stand behind its own."""
    made: dict[str, Any] = dict(document)
    for name, value in template.items():
        own = made.get(name)
        if name not in made:
            made[name] = value
        elif isinstance(own, dict) and isinstance(value, dict):
            made[name] = applied(own, value)
    return made
