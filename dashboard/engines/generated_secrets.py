"""Secrets, and the address of Valkey, which nobody has set: made once, kept where only their owner can read them.

Settings read them and make nothing. Whoever starts something calls `make_missing` before the settings are read.
"""

import secrets
from collections.abc import Mapping
from pathlib import Path

from dashboard import configuration
from dashboard.configuration import SettingError
from dashboard.engines import addresses, processes

FILES = {"SECRET_KEY": "secret_key", "ADMIN_SECRET": "admin_secret", "NODE_SECRET": "node_secret"}


def make_missing(environment: Mapping[str, str]) -> None:
    """Make what the environment does not set and no earlier start has made. Raises SettingError."""
    var = configuration.own_directory(environment)
    with configuration.writing(var):
        for name, file in FILES.items():
            if not configuration.given(environment, name):
                _make(var, file)
        if not configuration.given(environment, "REDIS_URL"):
            addresses.make_redis_url(var)


def _make(var: Path, name: str) -> None:
    path = var / "secrets" / name
    if not path.exists():
        processes.shared_directory(var)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        processes.keep(path, secrets.token_hex(32))
        processes.sync(var)  # which may have got its directory just now


def secret(var: Path, setting: str) -> str:
    """The secret made for a setting. Raises SettingError, also if none was made."""
    return _made(var, setting, var / "secrets" / FILES[setting])


def redis_url(var: Path) -> str:
    """The address made for REDIS_URL. Raises SettingError, also if none was made."""
    return _made(var, "REDIS_URL", addresses.redis_url_file(var))


def _made(var: Path, setting: str, path: Path) -> str:
    with configuration.writing(var):
        if not path.exists():
            raise SettingError(
                f"{setting} is not set, and nothing was made in its place yet: set it, or let any command make what "
                "this installation lacks, such as `python3 manage.py check`."
            )
        return path.read_text().strip()
