"""What gateways and Gatehouse call things in the Redis that they share. Pure."""

# Where gateways listen for what they are told.
CHANNEL = "tyk.cluster.notifications"


def session(token_hash: str) -> str:
    """Where the session of the key whose token has this hash lies."""
    return f"apikey-{token_hash}"


def quota(token_hash: str, scope: str = "") -> str:
    """Where gateways count its requests of a quota period. scope: what shares the count; "" is the whole key."""
    return f"quota-{scope}-{token_hash}" if scope else f"quota-{token_hash}"


def oauth(api_id: str, name: str) -> str:
    """Where something lies that gateways keep of the OAuth clients of one API, which they know by this id."""
    return f"oauth-data.{api_id}.{name}"


def responses(api_id: str) -> str:
    """What the names begin with of the responses that gateways keep of one API: its id, and once more as the first part
    of a checksum, so that no other API's id, which may begin alike, is meant."""
    return f"cache-{api_id}{api_id}"


def responses_of_all() -> str:
    """The pattern of all of them."""
    return "cache-*"


def certificate(id: str) -> str:
    """Where a certificate lies that gateways know by this id."""
    return f"cert-raw-{id}"


def certificates(org_id: str) -> str:
    """The list of an organisation's certificates."""
    return f"cert-{org_id}-index"
