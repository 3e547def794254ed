"""What an author does about a fault of his definition. Pure."""

import re

# (what a message says, what to do), the first that fits. Of what is expected the message itself speaks.
_TABLE = (
    ("Found API with same url", "Choose another listen path, or a domain."),
    ("Found API with the same ID|24 hexadecimal digits|all zeros", "Leave it out: it is given one."),
    ("upper and lower case", "Keep one of the two, spelt as it is named here."),
    ("in how many seconds", "Write 1 for a second, 60 for a minute, 3600 for an hour."),
    ("there twice", "Take one of the two out."),
    (
        "domain of this organisation",
        "Choose one of its domains, or none, or have a super-user of this installation give it this one.",
    ),
    ("domain of another organisation", "Choose another domain."),
    ("own certificate", "Upload the certificate first, and write its ID."),
    (
        "super-user|gateway's host|gateway's secret|not a file|\\$secret_|reference",
        "Take it out, or have a super-user of this installation publish it.",
    ),
    ("must not be there|must be left out|not served yet|must not use", "Take it out."),
    ("internal target", "Write the URL of a host, or tyk:// and the ID of an own API where those are taken."),
    ("must not be empty|is required|text and not empty", "Fill it in."),
    ("must be text", 'Put it between double quotes: "…".'),
    ("true or false", "Write true or false, without quotes."),
    ("text like|duration", 'Write a number and a unit between double quotes, such as "5s".'),
    (
        "number|port|between|from 0 to|-1 \\(unlimited\\)",
        "Write a number within these bounds, without quotes.",
    ),
    ("must be a list", "Put it between [ and ], with commas between its values."),
    ("must be an object", 'Put it between { and }, each member as "name": value.'),
    ("slash", "Put a / in front of it."),
    ("is reserved", "Choose another path."),
    ("base64", "Write the text in base64."),
    ("URL|scheme|host", "Write it in full, such as https://orders.example/."),
    ("longer|at most|too large|too deeply", "Shorten it."),
    ("Expecting ',' delimiter", "Look for a missing comma or bracket before this place."),
    ("Expecting value", "Look for a comma too many, or for a value that is missing."),
    (
        "double quotes|Expecting ':'",
        "Put the member's name between double quotes, a colon behind it; no comma after the last.",
    ),
    (
        "Unterminated|control character|escape",
        'End the text with ", and write \\n for the end of a line in it.',
    ),
    ("Extra data", "Take out what follows the last bracket."),
    ("NUL|half a character|UTF-8", "Type that character anew."),
)
_OTHERWISE = "Write what is expected there, or take the member out."


def remedy(message: str) -> str:
    """A sentence that tells what to do about a fault, by its message."""
    return next((what for said, what in _TABLE if re.search(said, message)), _OTHERWISE)
