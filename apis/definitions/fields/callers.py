"""The part of an OpenAPI document's form that is about who may call. Data alone."""

from apis.definitions.authentication import TOKEN
from apis.definitions.fields import schemes
from apis.definitions.fields.description import (
    LARGEST,
    NONE,
    Field,
    Rows,
    Section,
    lines,
    member,
    switch,
)
from apis.definitions.oas.made import of_extension
from apis.definitions.oas.security import SCHEMES
from apis.definitions.pointer import Path

LONG = 2_000  # characters
HUGE = 10**9
# Steps that stand for what the document calls its scheme of a kind.
_TOKEN, _JWT, _OAUTH, _EXTERNAL = "<token>", "<jwt>", "<oauth>", "<external>"
NAMED = {_TOKEN: TOKEN, _JWT: schemes.JWT, _OAUTH: schemes.OAUTH, _EXTERNAL: schemes.EXTERNAL}
CALLERS = Section(
    "callers",
    "Callers",
    (
        Field(
            "authentication",
            of_extension("server/authentication/enabled"),
            "scheme",
            "Authentication",
            "A scheme of that kind is added to the document, and asked for by its <code>security</code>.",
            choices=schemes.WAYS,
            required=True,
            own=(
                ("security",),
                SCHEMES,
                schemes.HERE,
                schemes.CERTIFICATES,
                *(of_extension(f"server/authentication/{name}") for name in ("hmac", "oidc", "custom")),
                of_extension("server/authentication/certificateAuth"),
            ),
        ),
        Field(
            "auth_header_name",
            (*SCHEMES, _TOKEN, "name"),
            "key name",
            "Header",
            "The request header that carries the key, or the cookie or parameter that the scheme names.",
            most=100,
        ),
        switch(
            "strip_auth_data",
            of_extension("server/authentication/stripAuthorizationData"),
            "Take the key out before sending on",
        ),
    ),
    is_open=True,
)
_OF_JWT: Path = (*schemes.HERE, _JWT)
TOKENS = Section(
    "jwt",
    "JSON Web Tokens",
    (
        Field(
            "jwt_signing_method",
            (*_OF_JWT, "signingMethod"),
            "choice",
            "Signed with",
            choices=(NONE, ("rsa", "RSA"), ("ecdsa", "ECDSA"), ("hmac", "HMAC")),
        ),
        Field(
            "jwt_source",
            (*_OF_JWT, "source"),
            "line",
            "Key",
            "The URL of a key set (JWKS), or a public key or secret in base64.",
            most=LARGEST,
        ),
        Field("jwt_identity", (*_OF_JWT, "identityBaseField"), "line", "Claim that names the caller"),
        Field("jwt_policy", (*_OF_JWT, "policyFieldName"), "line", "Claim that names the policy"),
        lines(
            "jwt_policies",
            (*_OF_JWT, "defaultPolicies"),
            "Policies of tokens that name none",
            "IDs, one a line.",
        ),
    ),
    "Read where callers send a JSON Web Token.",
)
_OF_OAUTH: Path = (*schemes.HERE, _OAUTH)
_PROVIDERS: Path = (*schemes.HERE, _EXTERNAL, "providers")
_AUTHENTICATION = "server/authentication"
OTHER_WAYS = Section(
    "ways",
    "OAuth 2.0, HMAC, certificates, plugins",
    (
        lines(
            "oauth_types",
            (*_OF_OAUTH, "allowedAuthorizeTypes"),
            "OAuth 2.0 by this gateway: what clients may be given",
            "<code>code</code> or <code>token</code>, one a line.",
        ),
        Field("oauth_login", (*_OF_OAUTH, "authLoginRedirect"), "line", "Where users log in", most=LONG),
        switch("oauth_refresh", (*_OF_OAUTH, "refreshToken"), "Clients may renew their tokens"),
        Rows(
            "providers",
            _PROVIDERS,
            "OAuth 2.0 by another server",
            "server",
            (
                member("jwt", "jwt/enabled", "switch", "Its tokens are JSON Web Tokens"),
                member("jwt_method", "jwt/signingMethod", "line", "Signed with", "rsa, ecdsa or hmac."),
                member("jwt_key", "jwt/source", "line", "Key", most=LARGEST),
                member("jwt_claim", "jwt/identityBaseField", "line", "Claim that names the caller"),
                member("asks", "introspection/enabled", "switch", "It is asked about each token"),
                member("asks_at", "introspection/url", "line", "Asked at", most=LONG),
                member("asks_as", "introspection/clientId", "line", "As the client"),
                member("asks_by", "introspection/clientSecret", "line", "With the secret"),
                member(
                    "asks_claim", "introspection/identityBaseField", "line", "Claim that names the caller"
                ),
            ),
        ),
        lines(
            "hmac_algorithms",
            of_extension(f"{_AUTHENTICATION}/hmac/allowedAlgorithms"),
            "HMAC: algorithms",
            "Such as <code>hmac-sha256</code>, one a line; without, all.",
        ),
        Field(
            "hmac_skew",
            of_extension(f"{_AUTHENTICATION}/hmac/allowedClockSkew"),
            "number",
            "HMAC: how far clocks may differ",
            "Milliseconds; 0 for any.",
            most=HUGE,
        ),
        Rows(
            "issuers",
            of_extension(f"{_AUTHENTICATION}/oidc/providers"),
            "OpenID Connect",
            "issuer",
            (member("issuer", "issuer", "line", "Issuer", most=LONG),),
            "The policies of its clients are edited as JSON, and stay.",
        ),
        lines(
            "client_certificates",
            of_extension("server/clientCertificates/allowlist"),
            "Client certificates",
            "Those of this organisation that are let in, by their IDs, one a line.",
        ),
        Field(
            "plugin_name",
            of_extension(f"{_AUTHENTICATION}/custom/config/functionName"),
            "line",
            "Plugin: function",
        ),
        Field("plugin_path", of_extension(f"{_AUTHENTICATION}/custom/config/path"), "line", "Plugin: file"),
    ),
    "Each is read where callers prove who they are in that way.",
)

SECTIONS = (CALLERS, TOKENS, OTHER_WAYS)
