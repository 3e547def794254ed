"""E-mail addresses as people type them, and the one spelling in which they are stored, looked for and limited."""

import unicodedata

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

LONGEST = 254
_LONGEST_TYPED = 4 * LONGEST
_LONGEST_LABEL = 63
_INVALID = "Enter a valid email address."


def normal_address(text: str) -> str:
    """The one spelling of an address; any text has one, valid or not.

    The rule for names of users of RFC 8265, 3.3 (UsernameCaseMapped) without its refusals: characters of East Asian
    width as plain ones, lower case by Unicode's table, which leaves a dotless i what it is, composed (NFC). Labels of
    the domain in Unicode, whether typed so or as xn--….
    """
    if len(text) > _LONGEST_TYPED:
        return text  # composing and decoding cost more than their length; no address is that long
    local, at, domain = _folded(text.strip()).rpartition("@")
    return local + at + ".".join(_label(label) for label in domain.replace("\u3002", ".").split("."))


def validate_address(address: str) -> None:
    """Django's rule for an address of ASCII; besides, letters, marks and digits of any script may stand for letters.

    address: in normal spelling. Raises ValidationError.
    """
    local, _, domain = address.rpartition("@")
    try:
        if len(address) > LONGEST:
            raise UnicodeError("too long")
        # A validator which tells letters by `re.IGNORECASE` must not see others: it takes a dotless i for an i.
        plain = "".join(_plain(character) for character in local)
        validate_email(f"{plain}@{'.'.join(_ascii(label) for label in domain.split('.'))}")
    except (ValidationError, UnicodeError):
        raise ValidationError(_INVALID, code="invalid") from None


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", "".join(map(_plain_width, text)).lower())


def _plain_width(character: str) -> str:
    kind, _, code = unicodedata.decomposition(character).partition(" ")
    return chr(int(code, 16)) if kind in ("<wide>", "<narrow>") else character


def _label(label: str) -> str:
    """A label of a domain in Unicode. One which only claims to be encoded stays as it is."""
    if not label.startswith("xn--") or len(label) > _LONGEST_LABEL:
        return label
    try:
        decoded = label[4:].encode("ascii").decode("punycode")
        return decoded if decoded == _folded(decoded) and _ascii(decoded) == label else label
    except ValueError:  # UnicodeError is one
        return label


def _ascii(label: str) -> str:
    """A label as the domain name system has it. Raises UnicodeError for what no letter of a name can be."""
    if label.isascii():
        return label
    letters = all(_plain(character).isalnum() or character == "-" for character in label)
    if not letters or "-" in (label[0], label[-1]):
        raise UnicodeError(f"{label!r} is no label of a domain")
    return f"xn--{label.encode('punycode').decode('ascii')}"


def _plain(character: str) -> str:
    """Itself in ASCII, else x for a letter, mark or digit. Raises UnicodeError for anything else."""
    if character.isascii():
        return character
    if unicodedata.category(character)[0] not in "LMN":
        raise UnicodeError(f"{character!r} is not allowed in an address")
    return "x"
