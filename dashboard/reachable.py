"""Whether the servers that settings name can be used, asked before anything is built on them.

A server that is away raises Away, which whoever runs all the time may wait out. All else is SettingError: waiting
would not help.
"""

import contextlib
import re
import tempfile

import psycopg
import redis
from django.conf import settings
from django.db import connections
from redis.backoff import NoBackoff
from redis.retry import Retry

from dashboard.configuration import SettingError

SETTINGS = {"default": "DATABASE_URL", "owner": "DATABASE_MIGRATE_URL", "replica": "DATABASE_READ_URL"}
OLDEST = 150_000  # as PostgreSQL numbers itself
# libpq gives errors of connecting no code, so its words have to tell what another attempt would not mend.
_FINAL = re.compile(
    "authentication failed|no password supplied|no pg_hba.conf entry|does not exist|not permitted to log in|"
    "connection is bad: invalid|does not support SSL|certificate|received invalid response|expected authentication"
)

_TLS = "(rediss:// is with TLS, redis:// without)"


class Away(SettingError):
    """The server which the setting names does not answer for now."""


def temporary_directory() -> str:
    """Where temporary files go. Raises SettingError where no directory for them can be written."""
    try:
        return tempfile.gettempdir()
    except OSError as error:
        raise SettingError(f"TMPDIR: {error.strerror}.") from None


def everything() -> None:
    """Raises SettingError, or Away, for the first server that is given by a setting and cannot be used."""
    postgresql("owner")
    postgresql("default")
    if "replica" in settings.DATABASES:
        with contextlib.suppress(Away):  # figures are read from the database itself meanwhile
            postgresql("replica")
    gateways_redis()


def owner_is_known() -> None:
    """Raises SettingError where the role that makes tables was left out."""
    if not settings.OWNER_IS_KNOWN:
        raise SettingError(
            "DATABASE_MIGRATE_URL must be set beside DATABASE_URL: tables are made, new ones every day, by the role "
            "that owns them."
        )


def postgresql(alias: str) -> None:
    """`alias` is a key of DATABASES. Raises SettingError, Away."""
    if settings.EMBEDDED_DATABASE:
        return
    if alias == "owner":
        owner_is_known()
    try:
        with psycopg.connect(**connections[alias].get_connection_params()) as connection:
            trouble = _missing(connection, alias)
    except psycopg.Error as error:
        raise of_postgresql(alias, error) from None
    if trouble:
        raise SettingError(trouble)


def of_postgresql(alias: str, error: Exception) -> SettingError:
    """What an error of connecting says about the setting: Away if another attempt may succeed."""
    words = str(error).splitlines()[0]
    if password := settings.DATABASES[alias]["PASSWORD"]:
        words = words.replace(password, "…")
    kind = SettingError if _FINAL.search(words) else Away
    return kind(f"{SETTINGS[alias]}: PostgreSQL cannot be used: {words.removeprefix('connection failed: ')}.")


def _missing(connection: psycopg.Connection, alias: str) -> str:
    """What keeps a database that answers from being used, "" if nothing does."""
    if connection.info.server_version < OLDEST:
        return f"{SETTINGS[alias]} names a PostgreSQL older than 15."
    role = settings.DATABASES[alias]["SYSTEM_ROLE"]
    if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone():
        return "DATABASE_SYSTEM_ROLE names a role which does not exist: dashboard/docs/operating.md says what it needs."
    member, creates = connection.execute(
        "SELECT pg_has_role(session_user, %s, 'MEMBER'), has_schema_privilege(current_schema(), 'CREATE')",
        [role],
    ).fetchone()
    if not member:
        return f"{SETTINGS[alias]} names a role that is no member of the one that DATABASE_SYSTEM_ROLE names."
    if alias == "owner" and not creates:
        return "DATABASE_MIGRATE_URL names a role that may not create tables in its database."
    return ""


def gateways_redis() -> None:
    """Raises SettingError, Away."""
    if settings.EMBEDDED_REDIS:
        return
    once = {"socket_connect_timeout": 5, "socket_timeout": 5, "retry": Retry(NoBackoff(), 0)}
    try:
        with redis.Redis.from_url(settings.REDIS_URL, **once) as client:
            client.ping()
            trouble = _unfit(client)
    except (redis.RedisError, OSError) as error:
        raise _of_redis(error) from None
    if trouble:
        raise SettingError(f"REDIS_URL names {trouble}.")


def _unfit(client: redis.Redis) -> str:
    try:
        facts = client.info()
    except redis.exceptions.NoPermissionError:
        return ""  # nothing that speaks against it
    if facts.get("cluster_enabled"):
        return "a node of a Redis Cluster, which is not supported: one Redis server is needed"
    if "sentinel_masters" in facts:
        return "a Redis Sentinel, which is not supported: name the Redis server itself"
    if facts.get("role") == "slave":
        return "a replica, which takes no writes: name the Redis server that gateways write to"
    return ""


def _of_redis(error: Exception) -> SettingError:
    if isinstance(error, redis.AuthenticationError | redis.exceptions.AuthorizationError):
        return SettingError("REDIS_URL: Redis refuses its user name or password, or wants one.")
    if isinstance(error, redis.TimeoutError | redis.BusyLoadingError):
        return Away(f"REDIS_URL: Redis does not answer in time {_TLS}.")
    if isinstance(error, redis.ConnectionError) and "connecting to" in str(error) and "SSL" not in str(error):
        return Away(f"REDIS_URL: Redis cannot be reached: {str(error).rstrip('.')}.")
    if isinstance(error, redis.ResponseError):
        return SettingError(f"REDIS_URL: Redis refuses: {str(error).rstrip('.')}.")
    return SettingError(f"REDIS_URL names a port on which nothing speaks the protocol of Redis {_TLS}.")
