"""What a gateway must be told to be one of ours, as `tyk.conf`, environment variables, docker compose, Helm values."""

import json
import secrets
from collections.abc import Iterator
from urllib.parse import parse_qs, unquote, urlsplit

SECRET_PLACEHOLDER = "THE-NODE-SECRET"  # noqa: S105 - what is shown in its place
REDIS_PASSWORD_PLACEHOLDER = "THE-PASSWORD-OF-REDIS"  # noqa: S105
HOST_PLACEHOLDER = "THE-GATEWAYS-REDIS"
IMAGE = "tykio/tyk-gateway:v5.8.2"
REDIS_PLACEHOLDER = f"redis://{HOST_PLACEHOLDER}:6379/0"


def configuration(
    address: str, redis_url: str, secret: str = SECRET_PLACEHOLDER, own_secret: str | None = None
) -> str:
    """The members of `settings_of` to put into `tyk.conf`, as JSON."""
    return as_json(settings_of(address, redis_url, secret, own_secret))


def as_json(settings: dict) -> str:
    return json.dumps(settings, indent=2)


def variables(settings: dict, prefix: str = "TYK_GW") -> dict[str, str]:
    """The same as environment variables, which go before what `tyk.conf` says: gateways of 3.0 to 5.14 name each after
    the members that lead to it, without underscores. What is empty is so without one."""
    found: dict[str, str] = {}
    for member, value in settings.items():
        name = f"{prefix}_{member.replace('_', '').upper()}"
        if isinstance(value, dict):
            found |= variables(value, name)
        elif value not in ("", []):
            found[name] = value if isinstance(value, str) else json.dumps(value)
    return found


def environment(settings: dict) -> str:
    """A file of variables, as docker's --env-file and systemd's EnvironmentFile take it."""
    return "\n".join(f"{name}={value}" for name, value in variables(settings).items())


def compose(settings: dict) -> str:
    """A service of docker compose."""
    lines = [
        "services:",
        "  tyk-gateway:",
        f"    image: {IMAGE}  # or another from v3.0 to v5.14",
        '    ports: ["8080:8080"]',
        "    environment:",
        # A dollar would begin a variable of compose's.
        *(f"      {name}: {text}" for name, text in _quoted(settings, dollar="$$")),
    ]
    return "\n".join(lines)


def helm(settings: dict) -> str:
    """Values of Tyk's chart tyk-gateway. What it has fields of its own for becomes the same variables, of which the
    last count, and these are; but gateways look at the chart's `addrs` of Redis before any host and port."""
    storage = dict(settings["storage"])
    host, port = storage.pop("host"), storage.pop("port")
    storage["addrs"] = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    lines = ["gateway:", "  extraEnvs:"]
    for name, text in _quoted({**settings, "storage": storage}):
        lines += [f"    - name: {name}", f"      value: {text}"]
    return "\n".join(lines)


def _quoted(settings: dict, dollar: str = "$") -> Iterator[tuple[str, str]]:
    """Names and values, these as JSON strings, which YAML reads alike."""
    for name, value in variables(settings).items():
        yield name, json.dumps(value.replace("$", dollar))


def settings_of(
    address: str, redis_url: str, secret: str = SECRET_PLACEHOLDER, own_secret: str | None = None
) -> dict:
    """What a gateway must be told, as the members of `tyk.conf`; the same from 3.0 to 5.14.

    `address`: where gateways reach this dashboard. `redis_url`: the Redis they share with it; something else
    stands in the place of its password. `own_secret`: of the gateway's own REST API, a new one by default.
    """
    return {
        # Without one a gateway lets anybody make keys for every API, on the port that it serves them on.
        "secret": own_secret or secrets.token_urlsafe(32),
        "node_secret": secret,
        "use_db_app_configs": True,
        "db_app_conf_options": {"connection_string": address, "node_is_segmented": False, "tags": []},
        # Policies are asked for at this address and at no other. Gateways of 3.0 know one by an ID that somebody chose
        # only when they are told to, and then by its `_id` too, under which it is served once more.
        "policies": {
            "policy_source": "service",
            "policy_connection_string": address,
            "allow_explicit_policy_id": True,
        },
        "storage": _storage(redis_url),
        "hash_keys": True,
        "hash_key_function": "sha256",
        "enable_analytics": True,
        # Otherwise a gateway drops the records of a minute that nobody fetched.
        "analytics_config": {"storage_expiration_time": -1},
        "allow_master_keys": False,
        # With it, as docker images and charts have it, a gateway obeys signals that nobody signed.
        "allow_insecure_configs": False,
        # Without it a gateway ignores custom domains, and equal paths on two of them would meet.
        "enable_custom_domains": True,
        # Scripts of one organisation could read and write every other's keys.
        "enable_jsvm": False,
        "disable_virtual_path_blobs": True,
        # Code in other languages, which runs with all that a gateway may.
        "coprocess_options": {"enable_coprocess": False},
        "enable_bundle_downloader": False,
        # Callers and definitions can have these put into requests: a shared gateway holds none.
        "secrets": {},
        "kv": {},
    }


def _storage(redis_url: str) -> dict:
    """Any URL that dashboard.configuration takes for one of Redis."""
    redis = urlsplit(redis_url)
    # Gateways take no path of a socket: what they call the same server is for a person to fill in.
    unix = redis.scheme == "unix"
    database = parse_qs(redis.query).get("db") or ["" if unix else redis.path.strip("/")]
    members = {
        "type": "redis",
        "host": HOST_PLACEHOLDER if unix else redis.hostname,
        "port": redis.port or 6379,
        "database": int(database[0] or 0),
    }
    if redis.username:
        members["username"] = unquote(redis.username)
    if redis.password:
        members["password"] = REDIS_PASSWORD_PLACEHOLDER
    if redis.scheme == "rediss":
        members["use_ssl"] = True
    return members
