"""Secrets which nobody has set: made once, kept under var/ where only their owner can read them."""

import os
import secrets
from pathlib import Path


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
