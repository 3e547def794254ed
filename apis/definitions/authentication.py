"""How callers of a classic API prove who they are. Pure."""

OAUTH = "OAuth 2.0"
# Members that switch on a way of authenticating other than the token, and what that is called.
_OTHERS = {
    "use_oauth2": OAUTH,
    "use_openid": "OpenID Connect",
    "use_basic_auth": "basic",
    "use_mutual_tls_auth": "mutual TLS",
    "use_go_plugin_auth": "Go plugin",
    "enable_jwt": "JWT",
    "enable_coprocess_auth": "plugin",
    "enable_signature_checking": "HMAC",
    "custom_plugin_auth_enabled": "custom plugin",
}
OTHERS = tuple(_OTHERS)
TOKEN, KEYLESS = "token", "keyless"


def ways(definition: dict) -> str:
    """The ways in words, "keyless" for none of them: "token", "JWT", "basic, mutual TLS". Gateways take the token where
    nothing else is switched on, and ask for all that is.
    """
    if definition.get("use_keyless"):
        return KEYLESS
    others = [word for name, word in _OTHERS.items() if definition.get(name)]
    token = [TOKEN] if not others or definition.get("use_standard_auth") else []
    return ", ".join([*token, *others])


def uses_oauth(ways: str) -> bool:
    """Whether an API with these ways, in words, takes tokens of OAuth clients."""
    return OAUTH in ways.split(", ")


def asks_for_password(ways: str) -> bool:
    """Whether an API with these ways, in words, lets nobody in without a user name and a password."""
    return _OTHERS["use_basic_auth"] in ways.split(", ")
