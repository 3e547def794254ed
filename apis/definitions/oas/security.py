"""How callers prove who they are: what a document says of it, as members of a classic definition. Pure.

A scheme counts where the document's `security` names it, its `components` say of which type it is and the extension
switches it on (seen in how gateway 5.14 derives it). Of several alternatives gateways ask for the first; processed as
`compliant`, those from 5.10 on ask for any one of them, which they read in `security_requirements` of the classic form
(5.14: gateway/api_loader.go, mw_auth_or_wrapper.go).
"""

from apis.definitions.oas.made import Convert, Made, duration, of_extension, whole_seconds
from apis.definitions.pointer import Path
from orgs.http.strict_json import printable

AUTHENTICATION = of_extension("server/authentication")
SCHEMES: Path = ("components", "securitySchemes")
COMPLIANT = "compliant"
_OWN = frozenset({"hmac", "custom", "mtls", "coprocess"})  # what Tyk takes for its own in `security`
Members = tuple[tuple[str, tuple[str, ...], Convert], ...]

OPEN = (
    "The document names schemes in `security`, but the extension does not enable `server.authentication`: the API is "
    "open to everybody who reaches a gateway."
)
_NOT_ASKED = "The scheme {name} is not named in `security`: gateways do not ask for it."
_FIRST = "Of the alternatives in `security` gateways ask for the first alone ({names}) and take no other in its place."
_ALL = "Gateways before 5.10 ask for every scheme of `security` at once; later ones for those of one alternative."
_ANYBODY = "An alternative in `security` that names no scheme is left out: gateways fail on it."
_NEVER = (
    "The scheme {name} is named in `security`, but the extension does not switch on one of a known type by this "
    "name: an alternative with it lets nobody in."
)
_NO_SCHEME = (
    "The scheme {name} is named in `security`, but the extension does not switch on one of a known type by this "
    "name: gateways do not ask for it, but for a token where they ask for nothing else."
)

_JWT: Members = (
    ("source", ("jwt_source",), None),
    ("signingMethod", ("jwt_signing_method",), None),
    ("identityBaseField", ("jwt_identity_base_field",), None),
    ("skipKid", ("jwt_skip_kid",), None),
    ("policyFieldName", ("jwt_policy_field_name",), None),
    ("clientBaseField", ("jwt_client_base_field",), None),
    ("defaultPolicies", ("jwt_default_policies",), None),
    ("issuedAtValidationSkew", ("jwt_issued_at_validation_skew",), None),
    ("notBeforeValidationSkew", ("jwt_not_before_validation_skew",), None),
    ("expiresAtValidationSkew", ("jwt_expires_at_validation_skew",), None),
    ("idpClientIdMappingDisabled", ("idp_client_id_mapping_disabled",), None),
)
# The first of a list of claims is what gateways of the classic form look at. One of 5.14 looks into a list of policies'
# claims only if the classic form names one (getBasePolicyID in gateway/mw_jwt.go): Tyk's dashboards add it (Normalize),
# a gateway to which a document is posted does not, and takes the default policies.
_FIRST_CLAIMS = (
    ("subjectClaims", ("jwt_identity_base_field",)),
    ("basePolicyClaims", ("jwt_policy_field_name",)),
)
_BASIC: Members = (
    ("disableCaching", ("basic_auth", "disable_caching"), None),
    ("cacheTTL", ("basic_auth", "cache_ttl"), None),
    ("extractCredentialsFromBody/enabled", ("basic_auth", "extract_from_body"), None),
    ("extractCredentialsFromBody/userRegexp", ("basic_auth", "body_user_regexp"), None),
    ("extractCredentialsFromBody/passwordRegexp", ("basic_auth", "body_password_regexp"), None),
)
_OAUTH: Members = (
    ("allowedAuthorizeTypes", ("oauth_meta", "allowed_authorize_types"), None),
    ("authLoginRedirect", ("oauth_meta", "auth_login_redirect"), None),
    ("notifications/sharedSecret", ("notifications", "shared_secret"), None),
    ("notifications/onKeyChangeUrl", ("notifications", "oauth_on_keychange_url"), None),
)
_FLOWS = {
    "authorizationCode": "authorization_code",
    "clientCredentials": "client_credentials",
    "password": "password",
    "implicit": "implicit",
}
_SIGNATURE: Members = (
    ("enabled", ("validate_signature",), None),
    ("algorithm", ("signature", "algorithm"), None),
    ("header", ("signature", "header"), None),
    ("query/enabled", ("signature", "use_param"), None),
    ("query/name", ("signature", "param_name"), None),
    ("secret", ("signature", "secret"), None),
    ("allowedClockSkew", ("signature", "allowed_clock_skew"), None),
    ("errorCode", ("signature", "error_code"), None),
    ("errorMessage", ("signature", "error_message"), None),
)
_PROVIDER: Members = (
    ("jwt/enabled", ("jwt", "enabled"), None),
    ("jwt/signingMethod", ("jwt", "signing_method"), None),
    ("jwt/source", ("jwt", "source"), None),
    ("jwt/identityBaseField", ("jwt", "identity_base_field"), None),
    ("jwt/issuedAtValidationSkew", ("jwt", "issued_at_validation_skew"), None),
    ("jwt/notBeforeValidationSkew", ("jwt", "not_before_validation_skew"), None),
    ("jwt/expiresAtValidationSkew", ("jwt", "expires_at_validation_skew"), None),
    ("introspection/enabled", ("introspection", "enabled"), None),
    ("introspection/url", ("introspection", "url"), None),
    ("introspection/clientId", ("introspection", "client_id"), None),
    ("introspection/clientSecret", ("introspection", "client_secret"), None),
    ("introspection/identityBaseField", ("introspection", "identity_base_field"), None),
    ("introspection/cache/enabled", ("introspection", "cache", "enabled"), None),
    ("introspection/cache/timeout", ("introspection", "cache", "timeout"), None),
)
_CUSTOM: Members = (
    ("config/functionName", ("custom_middleware", "auth_check", "name"), None),
    ("config/path", ("custom_middleware", "auth_check", "path"), None),
    ("config/rawBodyOnly", ("custom_middleware", "auth_check", "raw_body_only"), None),
    ("config/requireSession", ("custom_middleware", "auth_check", "require_session"), None),
    ("config/idExtractor/source", ("custom_middleware", "id_extractor", "extract_from"), None),
    ("config/idExtractor/with", ("custom_middleware", "id_extractor", "extract_with"), None),
    *(
        (
            f"config/idExtractor/config/{name}",
            ("custom_middleware", "id_extractor", "extractor_config", to),
            None,
        )
        for name, to in (
            ("headerName", "header_name"),
            ("formParamName", "param_name"),
            ("regexp", "regex_expression"),
            ("regexpMatchIndex", "regex_match_index"),
            ("xPathExp", "xpath_expression"),
        )
    ),
)


def derive(made: Made) -> None:
    """All of `server.authentication` and what it uses of the rest of the document."""
    if not made.enabled(AUTHENTICATION):
        made.put(("use_keyless",), True, (*AUTHENTICATION, "enabled"))
        if made.at(("security",)):
            made.warnings.append(OPEN)
        return
    made.put(("use_keyless",), False, (*AUTHENTICATION, "enabled"))
    made.copy((*AUTHENTICATION, "stripAuthorizationData"), ("strip_auth_data",))
    made.copy((*AUTHENTICATION, "baseIdentityProvider"), ("base_identity_provided_by",))
    made.read((*AUTHENTICATION, "securityProcessingMode"), _mode)
    asked = _asked_for(made)
    several = bool(alternatives(made))
    for name in asked:
        _scheme(made, name, _NEVER if several else _NO_SCHEME)
    for name in ("hmac", "oidc", "custom"):
        if several and name not in asked and made.at((*AUTHENTICATION, name, "enabled")):
            made.warnings.append(_NOT_ASKED.format(name=name))
    for name in made.at((*AUTHENTICATION, "securitySchemes")) or {}:
        if name not in asked:
            made.used.add((*AUTHENTICATION, "securitySchemes", name))
            if made.at((*AUTHENTICATION, "securitySchemes", name, "enabled")):
                made.warnings.append(_NOT_ASKED.format(name=printable(name)))
    _certificate(made)
    _hmac(made)
    _oidc(made)
    _custom(made)
    lifetime = (*AUTHENTICATION, "customKeyLifetime")
    made.copy((*lifetime, "respectValidity"), ("session_lifetime_respects_key_expiration",))
    if made.enabled(lifetime):
        made.copy((*lifetime, "value"), ("session_lifetime",), whole_seconds)


def _mode(text: str) -> str:
    if text not in ("", "legacy", COMPLIANT):
        raise ValueError("must be legacy or compliant")
    return text


def _asked_for(made: Made) -> list[str]:
    """The names of the schemes that gateways ask for, each once."""
    wanted = [each for each in made.at(("security",)) or [] if isinstance(each, dict)]
    if made.at((*AUTHENTICATION, "securityProcessingMode")) == COMPLIANT:
        return _any_of(made, [list(each) for each in wanted])
    if len(wanted) > 1:
        made.warnings.append(_FIRST.format(names=" and ".join(wanted[0]) or "none"))
    return list(wanted[0]) if wanted else []


def _any_of(made: Made, wanted: list[list[str]]) -> list[str]:
    """The same where one alternative is enough: those of the document, and those that the extension adds. One scheme
    that the extension wants together with one of Tyk's own is no alternative by itself."""
    added = [list(each or ()) for each in made.at((*AUTHENTICATION, "security")) or []]
    made.used.add((*AUTHENTICATION, "security"))
    mixed = {name for each in added if not _OWN.isdisjoint(each) for name in each if name not in _OWN}
    found = [each for each in wanted if not (len(each) == 1 and each[0] in mixed)] + added
    if not all(found):
        made.warnings.append(_ANYBODY)
    found = [each for each in found if each]
    if len(found) > 1:
        made.warnings.append(_ALL)
    if found:
        made.put(("security_requirements",), found, ("security",))
    return list(dict.fromkeys(name for each in [*wanted, *added] for name in each))


def alternatives(made: Made) -> list[list[str]]:
    """The schemes that each alternative has, where callers choose among several."""
    found = made.definition.get("security_requirements", [])
    return found if len(found) > 1 else []


def _scheme(made: Made, name: str, unknown: str) -> None:
    """One scheme, as its type says. unknown: what is told of one that has none."""
    here, there = (*AUTHENTICATION, "securitySchemes", name), (*SCHEMES, name)
    scheme = made.at(there)
    if not isinstance(scheme, dict) or not made.at((*here, "enabled")):
        if name not in ("hmac", "oidc", "custom", "mtls"):
            made.warnings.append(unknown.format(name=printable(name)))
        return
    made.used.add((*here, "enabled"))
    kind = (scheme.get("type"), str(scheme.get("scheme") or "").lower())
    if kind[0] == "apiKey":
        _token(made, here, there)
    elif kind == ("http", "bearer") and scheme.get("bearerFormat") == "JWT":
        _jwt(made, here, name)
    elif kind == ("http", "basic"):
        _members(made, here, (), _BASIC)
        _credential(made, here, "basic", "use_basic_auth", name)
    elif kind[0] == "oauth2" and made.at((*here, "providers")):
        made.put(("external_oauth", "enabled"), True, (*here, "enabled"))
        for index, _ in enumerate(made.at((*here, "providers"))):
            to = ("external_oauth", "providers", index)
            made.begin(to, (*here, "providers", index))
            _members(made, (*here, "providers", index), to, _PROVIDER)
        _sources(made, here, "externalOAuth", name)
    elif kind[0] == "oauth2":
        _oauth(made, here, there, name)
    else:
        made.used.discard((*here, "enabled"))
        made.warnings.append(unknown.format(name=printable(name)))


def _members(made: Made, here: Path, to: Path, members: Members) -> None:
    for name, member, convert in members:
        source = (*here, *name.split("/"))
        if made.at(source) is not None:
            made.copy(source, (*to, *member), convert)


def _credential(made: Made, here: Path, config: str, switch: str, name: str) -> None:
    made.put((switch,), True, (*here, "enabled"))
    _sources(made, here, config, name)


def _sources(made: Made, here: Path, config: str, name: str = "") -> None:
    """Where a credential is looked for."""
    to = ("auth_configs", config)
    made.begin(to, here)
    made.put((*to, "disable_header"), not made.at((*here, "header", "enabled")), (*here, "header", "enabled"))
    if name:
        made.put((*to, "name"), name, (*here, "enabled"))
    members = (
        ("header/name", ("auth_header_name",), None),
        ("query/enabled", ("use_param",), None),
        ("query/name", ("param_name",), None),
        ("cookie/enabled", ("use_cookie",), None),
        ("cookie/name", ("cookie_name",), None),
    )
    _members(made, here, to, members)


_TOKEN_PLACES = {
    "header": ("auth_header_name", "disable_header", False),
    "query": ("param_name", "use_param", True),
    "cookie": ("cookie_name", "use_cookie", True),
}


def _token(made: Made, here: Path, there: Path) -> None:
    """A key, in the place that the scheme of the document names and in those that the extension adds."""
    if made.definition.get("use_standard_auth"):
        return  # one key is all that gateways ask for
    _credential(made, here, "authToken", "use_standard_auth", str(here[-1]))
    to = ("auth_configs", "authToken")
    if place := _TOKEN_PLACES.get(str(made.at((*there, "in")))):
        named, switch, value = place
        made.put((*to, switch), value, (*there, "in"))
        made.copy((*there, "name"), (*to, named))
    if made.at((*here, "enableClientCertificate")) and made.at((*AUTHENTICATION, "certificateAuth")) is None:
        made.copy((*here, "enableClientCertificate"), (*to, "use_certificate"))
    if made.enabled((*here, "signatureValidation")):
        _members(made, (*here, "signatureValidation"), to, _SIGNATURE)


def _certificate(made: Made) -> None:
    source = (*AUTHENTICATION, "certificateAuth")
    if made.enabled(source):
        made.put(("auth_configs", "authToken", "use_certificate"), True, (*source, "enabled"))


def _jwt(made: Made, here: Path, name: str) -> None:
    _credential(made, here, "jwt", "enable_jwt", name)
    _members(made, here, (), _JWT)
    for claims, member in _FIRST_CLAIMS:
        if made.at((*here, claims)):
            made.copy((*here, claims, 0), member)
            made.used.add((*here, claims))
    for index, _ in enumerate(made.at((*here, "jwksURIs")) or []):
        source, to = (*here, "jwksURIs", index), ("jwt_jwks_uris", index)
        made.begin(to, source)
        made.copy((*source, "url"), (*to, "url"))
        made.copy((*source, "cacheTimeout"), (*to, "cache_timeout"), duration)
    _scopes(made, here, "jwt")


def _scopes(made: Made, here: Path, kind: str) -> None:
    source, to = (*here, "scopes"), ("scopes", kind)
    made.copy((*source, "claimName"), (*to, "scope_claim_name"))
    if made.at((*source, "claims")):
        made.copy((*source, "claims", 0), (*to, "scope_claim_name"))
        made.used.add((*source, "claims"))
    for index, each in enumerate(made.at((*source, "scopeToPolicyMapping")) or []):
        mapping = (*source, "scopeToPolicyMapping", index)
        made.used.add(mapping)
        made.put(
            (*to, "scope_to_policy", (each or {}).get("scope") or ""),
            (each or {}).get("policyId"),
            (*mapping, "policyId"),
        )


def _oauth(made: Made, here: Path, there: Path, name: str) -> None:
    _credential(made, here, "oauth", "use_oauth2", name)
    _members(made, here, (), _OAUTH)
    flows = made.at((*there, "flows"))
    types = [word for flow, word in _FLOWS.items() if isinstance(flows, dict) and flow in flows]
    if made.at((*here, "refreshToken")):
        types.insert(0, "refresh_token")
    made.put(("oauth_meta", "allowed_access_types"), types, (*there, "flows"))
    made.used.add((*here, "refreshToken"))


def _hmac(made: Made) -> None:
    source = (*AUTHENTICATION, "hmac")
    if made.enabled(source):
        _credential(made, source, "hmac", "enable_signature_checking", "")
        made.copy((*source, "allowedAlgorithms"), ("hmac_allowed_algorithms",))
        made.copy((*source, "allowedClockSkew"), ("hmac_allowed_clock_skew",))


def _oidc(made: Made) -> None:
    source = (*AUTHENTICATION, "oidc")
    if not made.enabled(source):
        return
    _credential(made, source, "oidc", "use_openid", "")
    made.copy((*source, "segregateByClientId"), ("openid_options", "segregate_by_client"))
    for index, provider in enumerate(made.at((*source, "providers")) or []):
        here, to = (*source, "providers", index), ("openid_options", "providers", index)
        made.begin(to, here)
        made.copy((*here, "issuer"), (*to, "issuer"))
        for place, each in enumerate((provider or {}).get("clientToPolicyMapping") or []):
            mapping = (*here, "clientToPolicyMapping", place)
            made.used.add(mapping)
            client = (each or {}).get("clientId") or ""
            made.put((*to, "client_ids", client), (each or {}).get("policyId"), (*mapping, "policyId"))
    _scopes(made, source, "oidc")


def _custom(made: Made) -> None:
    source = (*AUTHENTICATION, "custom")
    if made.enabled(source):
        _credential(made, source, "coprocess", "custom_plugin_auth_enabled", "")
        made.used |= {(*source, "config", "enabled"), (*source, "config", "idExtractor", "enabled")}
        _members(made, source, (), _CUSTOM)
