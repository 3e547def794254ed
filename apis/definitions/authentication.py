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
# In place of the token, where the API says so: gateways find the key by the certificate that a caller's TLS shows.
CERTIFICATE = "client certificate"


def ways(definition: dict) -> str:
    """The ways in words, "keyless" for none of them: "token", "JWT", "basic, mutual TLS". Gateways take the token, or a
    client certificate in its place, where nothing else is switched on, and ask for all that is.
    """
    if definition.get("use_keyless"):
        return KEYLESS
    others = [word for name, word in _OTHERS.items() if definition.get(name)]
    first = CERTIFICATE if token_settings(definition).get("use_certificate") else TOKEN
    return ", ".join([first, *others] if not others or definition.get("use_standard_auth") else others)


def token_settings(definition: dict) -> dict:
    """What a definition says of the token: gateways prefer `auth_configs` to `auth`, and null there says nothing of it.
    Empty where it is no object."""
    configured = definition.get("auth_configs") or {}
    named = isinstance(configured, dict) and "authToken" in configured
    settings = configured["authToken"] if named else definition.get("auth")
    return settings if isinstance(settings, dict) else {}


def uses_oauth(ways: str) -> bool:
    """Whether an API with these ways, in words, takes tokens of OAuth clients."""
    return OAUTH in ways.split(", ")


def asks_for_password(ways: str) -> bool:
    """Whether an API with these ways, in words, lets nobody in without a user name and a password."""
    return _OTHERS["use_basic_auth"] in ways.split(", ")


def asks_for_certificate(ways: str) -> bool:
    """Whether an API with these ways, in words, lets nobody in by a token alone, but by a client certificate."""
    return CERTIFICATE in ways.split(", ")
