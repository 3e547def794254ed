"""Settings as text: where they are read, and what each text means.

Everything that cannot be meant raises SettingError: one sentence which names the setting and never quotes its value,
because that may be a secret, or a secret put into the wrong place.
"""

import contextlib
import ipaddress
import re
import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote

import psycopg
from environ.fileaware_mapping import FileAwareMapping
from psycopg.conninfo import make_conninfo
from redis import ConnectionPool

BASE_DIR = Path(__file__).resolve().parent.parent
LEAST_CHARACTERS = 32
LEAST_DIFFERENT = 8
# What documentation prints. Shorter ones are refused by their length.
KNOWN = {
    "352d20ee67be67f6340b4c0605b044b7",
    "352d20fe67be67f6340b4c0605b044c3",
}
WORDS = {
    **dict.fromkeys(("on", "true", "yes", "1"), True),
    **dict.fromkeys(("off", "false", "no", "0"), False),
}
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
HASH_FUNCTIONS = ("legacy", "murmur32", "murmur64", "murmur128", "sha256")
LONGEST_NAME = 63  # bytes; PostgreSQL cuts off the rest
_HOST = r"[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_])?"
_PORT = r"(:[0-9]{1,5})?"
_MAIL_PORTS = {"smtp": 25, "smtp+tls": 587, "smtp+ssl": 465}
_MAILBOX = r"[A-Za-z0-9._+-]+"


class SettingError(Exception):
    """A setting which cannot be meant; the text is one sentence for the person at the terminal."""


def given(environment: Mapping[str, str], name: str, *, exact: bool = False) -> str:
    """The text of a setting, or of the file that NAME_FILE names; "" if neither is set or both are empty.

    exact: with the white space around it. Raises SettingError.
    """
    text, file = environment.get(name, ""), environment.get(f"{name}_FILE", "")
    if text and file:
        raise SettingError(f"{name} and {name}_FILE are both set: leave one of them.")
    try:
        text = FileAwareMapping(environment, cache=False).get(name, "")
    except (OSError, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text in UTF-8"
        raise SettingError(f"{name}_FILE names a file that cannot be read: {why}.") from None
    if file and not text.strip():
        raise SettingError(f"{name}_FILE names an empty file.")
    if "\0" in text:
        raise SettingError(f"{name} holds a NUL character.")
    return text if exact else text.strip()


def own_directory(environment: Mapping[str, str]) -> Path:
    """Where everything lives that this installation makes for itself. Raises SettingError."""
    return Path(given(environment, "GATEHOUSE_VAR") or BASE_DIR / "var")


@contextlib.contextmanager
def writing(var: Path) -> Iterator[None]:
    """What goes wrong with files of this installation's own, as SettingError."""
    try:
        yield
    except OSError as error:
        raise SettingError(
            f"GATEHOUSE_VAR names {var}, which cannot be used: {error.strerror or type(error).__name__}."
        ) from None


# Texts.


def boolean(name: str, text: str, default: bool) -> bool:
    if not text:
        return default
    if text.lower() not in WORDS:
        raise SettingError(f"{name} must be on or off (or true, false, yes, no, 1, 0).")
    return WORDS[text.lower()]


def number(name: str, text: str, default: int, most: int = 1_000, least: int = 1) -> int:
    """A whole number from `least` to `most`."""
    if not text:
        return default
    if not re.fullmatch("[0-9]{1,9}", text) or not least <= int(text) <= most:
        raise SettingError(f"{name} must be a whole number from {least} to {most}.")
    return int(text)


def log_level(name: str, text: str) -> str:
    if text and text.upper() not in LEVELS:
        raise SettingError(f"{name} must be one of {', '.join(LEVELS)}.")
    return text.upper() or "INFO"


def hash_function(name: str, text: str, default: str) -> str:
    """The `hash_key_function` of gateways; "legacy" is that of gateways on which none is set."""
    if text and text not in HASH_FUNCTIONS:
        raise SettingError(f"{name} must be one of {', '.join(HASH_FUNCTIONS)}.")
    return text or default


def role(name: str, text: str, default: str) -> str:
    """The name of a role of PostgreSQL."""
    if len(text.encode()) > LONGEST_NAME or not text.isprintable():
        raise SettingError(
            f"{name} must be the name of a role of PostgreSQL, of at most {LONGEST_NAME} bytes."
        )
    return text or default


def secret(name: str, text: str) -> str:
    """`text`, if it may guard anything: long, not known, and not a few letters or one word again and again."""
    known = text.strip().lower() in KNOWN
    repeated = text in (text + text)[1:-1]
    if len(text) < LEAST_CHARACTERS or known or repeated or len(set(text)) < LEAST_DIFFERENT:
        raise SettingError(
            f"{name} is refused: it needs at least {LEAST_CHARACTERS} characters, must not be a known one and "
            "must not repeat itself."
        )
    return text


def hosts(name: str, text: str, default: list[str], *, any_host: bool = False) -> list[str]:
    """Host names, separated by commas. any_host: whether `*` is one."""
    found = [host.strip() for host in text.split(",") if host.strip()]
    # As a browser writes it.
    found = [f"[{host}]" if re.fullmatch("[0-9A-Fa-f:]*:[0-9A-Fa-f:]*", host) else host for host in found]
    for host in found:
        if not (any_host and host == "*") and not re.fullmatch(rf"\.?{_HOST}|\[[0-9A-Fa-f:.]+\]", host):
            raise SettingError(
                f"{name} must be host names separated by commas, without scheme, port or path; `*` is not one."
            )
    return found or default


def networks(name: str, text: str, default: list[str]) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    """Networks, separated by commas, each as an address and the length of its prefix; "none" is none at all."""
    given = [network.strip() for network in text.split(",") if network.strip()] or default
    try:
        return [] if given == ["none"] else [ipaddress.ip_network(network) for network in given]
    except ValueError:
        raise SettingError(
            f"{name} must be networks separated by commas, such as 10.0.0.0/8,fd00::/8, or none."
        ) from None


def origins(name: str, text: str) -> list[str]:
    """Origins, separated by commas, as browsers send them."""
    found = [origin.strip().lower() for origin in text.split(",") if origin.strip()]
    for origin in found:
        if not re.fullmatch(rf"https?://((\*\.)?{_HOST}|\[[0-9a-f:.]+\]){_PORT}", origin):
            raise SettingError(
                f"{name} must be origins separated by commas, such as https://gatehouse.example, with their "
                "scheme and without a path."
            )
    return found


def web_address(name: str, text: str) -> str:
    """An http or https URL."""
    if text and not re.fullmatch(rf"https?://({_HOST}|\[[0-9A-Fa-f:.]+\]){_PORT}(/[^\s#]*)?", text):
        raise SettingError(f"{name} must be a URL such as http://127.0.0.1:8000/system/apis.")
    return text


def mail_address(name: str, text: str, *, needed: bool) -> str:
    """An e-mail address, or a name with one in angle brackets. needed: whether it must not be empty."""
    if not text and not needed:
        return ""
    if (
        not re.fullmatch(rf"([^<>@\"\\]+<{_MAILBOX}@{_HOST}>|{_MAILBOX}@{_HOST})", text)
        or not text.isprintable()
    ):
        raise SettingError(f"{name} must be the address that mails are from, such as gatehouse@acme.example.")
    return text


def certificates(name: str, text: str) -> str:
    """Certificates in PEM, one after the other, of authorities that are trusted besides those of the system."""
    try:
        if text:
            ssl.create_default_context(cadata=text)
    except (ssl.SSLError, TypeError, ValueError):
        raise SettingError(f"{name} must be certificates in PEM, one after the other.") from None
    return text


# URLs of servers.


class Address(NamedTuple):
    """A server's URL in its parts, decoded; `path` with its first slash, `places` as (host, port)."""

    user: str
    password: str
    places: list[tuple[str, str]]
    path: str
    options: dict[str, str]


def postgresql(name: str, text: str) -> dict:
    """A PostgreSQL URL as Django's NAME, USER, PASSWORD, HOST, PORT and OPTIONS. Raises SettingError."""
    address = _address(name, text, ("postgresql", "postgres"))
    if not address.user:
        raise SettingError(f"{name} names no role: it must be like postgresql://role:password@host/database.")
    database = address.path.removeprefix("/")
    if not database or "/" in database or len(database.encode()) > LONGEST_NAME:
        raise SettingError(f"{name} must name one database: postgresql://role:password@host/database.")
    try:
        make_conninfo(**address.options)
    except psycopg.Error:
        raise SettingError(f"{name} has an option, after its ?, which PostgreSQL does not know.") from None
    return {
        "NAME": database,
        "USER": address.user,
        "PASSWORD": address.password,
        "HOST": ",".join(host for host, _ in address.places),
        "PORT": ",".join(port for _, port in address.places).strip(","),
        "OPTIONS": address.options,
    }


def redis(name: str, text: str) -> str:
    """A URL that the Redis client understands, of one server. Raises SettingError."""
    if re.match("rediss?[+]?(sentinel|cluster)", text):
        raise SettingError(f"{name} must be one Redis server: Sentinel and Cluster are not supported.")
    address = _address(name, text, ("redis", "rediss", "unix"))
    if len(address.places) > 1:
        raise SettingError(f"{name} must name one Redis server, not several.")
    if address.user and not address.password:
        raise SettingError(
            f"{name} has a user without a password: a password alone is redis://:password@host."
        )
    unix = text.startswith("unix:")
    if not unix and not (address.places[0][0] and re.fullmatch("(/[0-9]{0,5})?/?", address.path)):
        raise SettingError(
            f"{name} must be like redis://:password@host:6379/0, with a number as the database."
        )
    if unix and (address.places != [("", "")] or not address.path.strip("/")):
        raise SettingError(f"{name} must be like unix:///run/redis/redis.sock?db=0.")
    try:
        ConnectionPool.from_url(text).make_connection()
    except (ValueError, TypeError):
        raise SettingError(
            f"{name} has an option, after its ?, which the Redis client does not know."
        ) from None
    return text


def mail_server(name: str, text: str) -> dict:
    """A URL of an SMTP server as what Django's EmailBackend is made with; nothing where none is set. Raises
    SettingError."""
    if not text:
        return {}
    address = _address(name, text, tuple(_MAIL_PORTS))
    if len(address.places) > 1 or not address.places[0][0] or address.path.strip("/") or address.options:
        raise SettingError(f"{name} must be like smtp+tls://user:password@mail.example:587.")
    [(host, port)], scheme = address.places, text.partition(":")[0]
    return {
        "host": host,
        "port": int(port or _MAIL_PORTS[scheme]),
        "username": address.user,
        "password": address.password,
        "use_tls": scheme == "smtp+tls",
        "use_ssl": scheme == "smtp+ssl",
    }


def _address(name: str, text: str, schemes: tuple[str, ...]) -> Address:
    scheme, _, rest = text.partition("://")
    if scheme not in schemes or not rest:
        raise SettingError(f"{name} must begin with {' or '.join(f'{each}://' for each in schemes)}.")
    authority, path, query, fragment = re.fullmatch(r"([^/?#]*)([^?#]*)(\?[^#]*)?(#.*)?", rest, re.S).groups()
    who, at, where = authority.rpartition("@")
    if fragment or "@" in who or "@" in path or (not at and "@" in rest) or re.search(r"[\s\[\]]", who):
        raise _reserved(name)
    if re.search("%(?![0-9A-Fa-f]{2})", who + path) or re.search(r"\s", rest):
        raise _reserved(name)
    user, _, password = who.partition(":")
    options = dict(parse_qsl((query or "").removeprefix("?"), keep_blank_values=True))
    try:
        user, password, path = (unquote(part, errors="strict") for part in (user, password, path))
    except UnicodeDecodeError:
        raise _reserved(name) from None
    if "\0" in "".join((user, password, path, *options, *options.values())):
        raise SettingError(f"{name} holds a NUL character.")
    return Address(user, password, [_place(name, each) for each in where.split(",")], path, options)


def _place(name: str, text: str) -> tuple[str, str]:
    found = re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]]*)(?::([0-9]{1,5}))?", text)
    if not found or not 0 < int(found[2] or 1) < 65_536:
        raise SettingError(
            f"{name}: what follows the @ must be a host, and a port that is a number; reserved characters of a "
            "password must be percent-encoded."
        )
    return unquote(found[1]).strip("[]"), found[2] or ""


def _reserved(name: str) -> SettingError:
    return SettingError(
        f"{name}: percent-encode the reserved characters of its user name and password "
        "(/ is %2F, @ is %40, # is %23, ? is %3F, % is %25)."
    )
