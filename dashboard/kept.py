"""Secrets which nobody has set: made once, kept under var/ where only their owner can read them."""

import os
import secrets
from pathlib import Path

MINIMUM_LENGTH = 32
KNOWN = {
    "changeme",
    "secret",
    "password",
    "12345",
    "352d20ee67be67f6340b4c0605b044b7",
    "352d20fe67be67f6340b4c0605b044c3",
}


class UnsafeSecret(ValueError):
    """A secret that is short, or one which documentation prints."""


def kept(folder: Path, name: str) -> str:
    """The secret kept in `folder` under `name`, made on first use (mode 0600; two makers agree on one)."""
    path = folder / "secrets" / name
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = path.with_name(f".{name}.{os.getpid()}.{secrets.token_hex(4)}")
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(32))
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text().strip()


def checked(name: str, value: str) -> str:
    """`value`, if it may guard anything. Raises UnsafeSecret, naming the setting and never the value."""
    if len(value) < MINIMUM_LENGTH or value.lower() in KNOWN or len(set(value)) < 8:
        raise UnsafeSecret(
            f"{name} is refused: it needs at least {MINIMUM_LENGTH} characters and must not be a known one."
        )
    return value
