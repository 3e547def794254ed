"""What a gateway's `tyk.conf` must say to be one of ours."""

import json
import secrets
from urllib.parse import parse_qs, unquote, urlsplit

SECRET_PLACEHOLDER = "THE-NODE-SECRET"  # noqa: S105 - what is shown in its place
REDIS_PASSWORD_PLACEHOLDER = "THE-PASSWORD-OF-REDIS"  # noqa: S105
HOST_PLACEHOLDER = "THE-GATEWAYS-REDIS"
REDIS_PLACEHOLDER = f"redis://{HOST_PLACEHOLDER}:6379/0"


def configuration(
    address: str, redis_url: str, secret: str = SECRET_PLACEHOLDER, own_secret: str | None = None
) -> str:
    """The members to put into `tyk.conf`, as JSON; the same for gateways from 3.0 to 5.14.

    `address`: where gateways reach this dashboard. `redis_url`: the Redis they share with it; something else
    stands in the place of its password. `own_secret`: of the gateway's own REST API, a new one by default.
    """
    members = {
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
    return json.dumps(members, indent=2)


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
