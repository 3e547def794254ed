"""Settings, grouped by subject. Each is an environment variable, or a file named by the same variable with _FILE.

Raises SettingError (dashboard.configuration) for one that cannot be meant; manage.py and wsgi.py make that one line.
Nothing is made here: what nobody has set, manage.py and wsgi.py have made before (generated_secrets.make_missing).
"""

import os
from collections.abc import Callable
from functools import partial

from dashboard import configuration
from dashboard.configuration import BASE_DIR
from dashboard.engines import addresses, generated_secrets
from dashboard.web.limits import LARGEST_BODY
from orgs.organisations import retention

text = partial(configuration.given, os.environ)


def setting(name: str, meaning: Callable, *more: object, **named: object):
    return meaning(name, text(name), *more, **named)


for _name in ("SCRIPT_NAME", "FORCE_SCRIPT_NAME"):
    if text(_name).strip("/"):
        raise configuration.SettingError(
            f"{_name} must not be set: Gatehouse is served at the root of a host name, not below a path."
        )

VAR = configuration.own_directory(os.environ)


def _secret(name: str, given: str) -> str:
    return configuration.secret(name, given or generated_secrets.secret(VAR, name))


# Secrets: given, or made and kept. A short or known one is refused.
# Sessions and access keys hang on every byte of this one, so white space around it stays.
SECRET_KEY = _secret("SECRET_KEY", text("SECRET_KEY", exact=True))
ADMIN_SECRET = _secret("ADMIN_SECRET", text("ADMIN_SECRET"))
NODE_SECRET = _secret("NODE_SECRET", text("NODE_SECRET"))
# The one before, for as long as gateways use it that have not been restarted with the present one.
NODE_SECRET_FORMER = text("NODE_SECRET_FORMER")
if NODE_SECRET_FORMER and configuration.secret("NODE_SECRET_FORMER", NODE_SECRET_FORMER) == NODE_SECRET:
    raise configuration.SettingError(
        "NODE_SECRET_FORMER must be another than NODE_SECRET: the one before it."
    )

# What has to be given back is sealed with this one (orgs.sealing); the former ones open what they sealed.
SEALING_KEY = configuration.secret("SEALING_KEY", text("SEALING_KEY", exact=True) or SECRET_KEY)
SEALING_KEY_FALLBACKS = [
    configuration.secret("SEALING_KEY_FALLBACKS", key)
    for key in text("SEALING_KEY_FALLBACKS", exact=True).split(",")
    if key
]

# Engines: without a URL the embedded ones.
EMBEDDED_DATABASE = not text("DATABASE_URL")
EMBEDDED_REDIS = not text("REDIS_URL")
with configuration.writing(VAR):
    _database_url = text("DATABASE_URL") or addresses.database_url(VAR)
    _migrate_url = text("DATABASE_MIGRATE_URL") or (EMBEDDED_DATABASE and addresses.migrate_url(VAR))
REDIS_URL = configuration.redis("REDIS_URL", text("REDIS_URL") or generated_secrets.redis_url(VAR))

if EMBEDDED_DATABASE and text("DATABASE_MIGRATE_URL"):
    raise configuration.SettingError("DATABASE_MIGRATE_URL is set, so DATABASE_URL must be set as well.")
_read_url = text("DATABASE_READ_URL")
if EMBEDDED_DATABASE and _read_url:
    raise configuration.SettingError("DATABASE_READ_URL is set, so DATABASE_URL must be set as well.")


def _database(name: str, url: str, *, connect: int = 10, silent: int = 30_000) -> dict:
    """connect: seconds; silent: milliseconds after which a server that does not answer is given up."""
    found = configuration.postgresql(name, url)
    return {
        **found,
        # A server that swallows what it is sent, or is gone without a word, would otherwise hold a web process for
        # minutes. Of sockets in the file system both time-outs mean nothing.
        "OPTIONS": {
            "connect_timeout": str(connect),
            "tcp_user_timeout": str(silent),
            "keepalives_idle": "30",
            **found["OPTIONS"],
        },
        "ENGINE": "orgs.db",
        "ATOMIC_REQUESTS": True,
        # A new one costs more than a minute of the worker's questions.
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
        "SYSTEM_ROLE": setting("DATABASE_SYSTEM_ROLE", configuration.role, "gatehouse_system"),
    }


# Web processes alone do without the owner; whatever changes tables asks for it (dashboard.reachable).
OWNER_IS_KNOWN = bool(_migrate_url)
DATABASES = {
    "default": _database("DATABASE_URL", _database_url),
    # Owns the tables: migrations and partitions. The application itself never speaks through it.
    "owner": _database("DATABASE_MIGRATE_URL", _migrate_url or _database_url),
}
if _read_url:
    # A replica for figures (orgs.db.reading), which the database itself stands in for: it is not waited for long.
    DATABASES["replica"] = _database("DATABASE_READ_URL", _read_url, connect=2, silent=5_000)
    DATABASES["replica"] |= {"ATOMIC_REQUESTS": False, "READ_ONLY": True}
for _settings in DATABASES.values():
    _settings["APPLICATION_ROLE"] = DATABASES["default"]["USER"]
DATABASES["owner"] |= {"ATOMIC_REQUESTS": False, "CONN_MAX_AGE": 0}

# What a Prometheus proves itself by. Without one there is no /metrics.
METRICS_SECRET = text("METRICS_SECRET")
if METRICS_SECRET:
    configuration.secret("METRICS_SECRET", METRICS_SECRET)

# How long traffic is kept, in days.
KEPT_DAYS = {
    _kind: setting(
        f"KEEP_{_kind.upper()}", configuration.number, retention.USUAL[_kind], _each.most, _each.least
    )
    for _kind, _each in retention.KINDS.items()
}
if text("KEEP_BODIES") and KEPT_DAYS["bodies"] > KEPT_DAYS["records"]:
    raise configuration.SettingError(
        "KEEP_BODIES must not be more than KEEP_RECORDS: they go with their records."
    )
retention.install(KEPT_DAYS)

# Gateways.
GATEWAY_HASH_KEYS = setting("GATEWAY_HASH_KEYS", configuration.boolean, True)
if not GATEWAY_HASH_KEYS:
    raise configuration.SettingError(
        "GATEWAY_HASH_KEYS must stay on: keys are kept as hashes, and gateways which hash none cannot find them."
    )
# Whether every gateway looks at the domain of a request before its path: from 5.4 on they do, others choose the longest
# listen path whatever the domain (gateway/api_loader.go).
GATEWAY_DOMAINS_FIRST = setting("GATEWAY_DOMAINS_FIRST", configuration.boolean, False)
# Where the control APIs of gateways may be (dashboard.nodes.confirming): private networks, without this machine itself.
GATEWAY_CONTROL_NETWORKS = setting(
    "GATEWAY_CONTROL_NETWORKS",
    configuration.networks,
    ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"],
)
# What gateways hash the names of sessions with that do not say so themselves, as tokens of ours do.
GATEWAY_HASH_KEY_FUNCTION = setting("GATEWAY_HASH_KEY_FUNCTION", configuration.hash_function, "sha256")
# What gateways decrypt private keys with. Without it certificates with one are kept, and not delivered.
GATEWAY_CERTIFICATE_SECRET = text("GATEWAY_CERTIFICATE_SECRET", exact=True)
if GATEWAY_CERTIFICATE_SECRET:
    configuration.secret("GATEWAY_CERTIFICATE_SECRET", GATEWAY_CERTIFICATE_SECRET)
FEED_CHECK_URL = setting("FEED_CHECK_URL", configuration.web_address)

# Alerts. Without a mail server none is sent by mail; webhooks go to public addresses, and to these networks.
EMAIL_SERVER = setting("EMAIL_URL", configuration.mail_server)
DEFAULT_FROM_EMAIL = setting("EMAIL_FROM", configuration.mail_address, needed=bool(EMAIL_SERVER))
ALERT_WEBHOOK_NETWORKS = setting("ALERT_WEBHOOK_NETWORKS", configuration.networks, ["none"])
# Of mail servers, receivers of webhooks and control APIs whose certificates a private authority has signed.
TRUSTED_CERTIFICATES = setting("TRUSTED_CERTIFICATES", configuration.certificates)
# Where people reach Gatehouse: the links in messages.
PUBLIC_URL = setting("PUBLIC_URL", configuration.web_address)

# Processes. Each thread keeps a connection, of which PostgreSQL has 200 if it is ours.
WEB_CONCURRENCY = setting("WEB_CONCURRENCY", configuration.number, min(2 * (os.cpu_count() or 1), 32))
WEB_THREADS = setting("WEB_THREADS", configuration.number, 4)

# What this installation is.
DEBUG = False
DEMONSTRATION = setting("DEMONSTRATION", configuration.boolean, False)
ROOT_URLCONF = "dashboard.urls"
WSGI_APPLICATION = "dashboard.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
APPEND_SLASH = False

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.forms",
    "heroicons",
    "orgs",
    "apis",
    "keys",
    "dashboard.nodes",
    "dashboard.analytics",
    "dashboard.alerts",
    "dashboard",
]
MIDDLEWARE = [
    "orgs.middleware.SecurityHeadersMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "orgs.middleware.WireMiddleware",
    "dashboard.isolation.IsolationMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "dashboard.web.bodies.BodyMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "orgs.audit.log.AuditMiddleware",
    "orgs.middleware.AccessMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.tz",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "dashboard.context.page",
            ],
        },
    },
]
# Fields are made from templates that ours may stand in for (templates/django).
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

# People.
AUTH_USER_MODEL = "orgs.User"
AUTHENTICATION_BACKENDS = ["orgs.signing_in.authentication.EmailBackend"]
LOGIN_URL = "sign-in"
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 15}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
]
SESSION_COOKIE_AGE = 12 * 60 * 60
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
# One person may have an account in several organisations, so an address alone names no account;
# orgs.signing_in.authentication.opened_by tries each.
SILENCED_SYSTEM_CHECKS = [
    "auth.W004",
    # HSTS for every host name below ours, and in browsers' own lists, is for whoever owns the domain to decide.
    "security.W005",
    "security.W021",
]

# Views of packages, which cannot declare who may call them (orgs.access): URL namespace -> what @access is given, e.g.
# {"sso": {"caller": "anyone", "methods": "GET POST"}}. What is mounted under none of these cannot be reached.
ACCESS_OF_NAMESPACES: dict[str, dict[str, str]] = {}

# Transport. Behind a TLS proxy by default; the demonstration speaks plain HTTP on loopback.
HTTPS = setting("HTTPS", configuration.boolean, "SCRATCH" not in os.environ)
ALLOWED_HOSTS = setting(
    "ALLOWED_HOSTS",
    configuration.hosts,
    ["localhost", "127.0.0.1", "[::1]"],
    any_host=DEMONSTRATION,
)
CSRF_TRUSTED_ORIGINS = setting("CSRF_TRUSTED_ORIGINS", configuration.origins)
SECURE_SSL_REDIRECT = HTTPS
# Gateways and REST clients are never redirected: a redirected POST loses its body.
SECURE_REDIRECT_EXEMPT = [r"^(register|system|hello|metrics|api|admin)(/|$)"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
# For other services of the domain, and hard to take back: asked for, never assumed.
SECURE_HSTS_INCLUDE_SUBDOMAINS = setting("HSTS_SUBDOMAINS", configuration.boolean, False)
SECURE_HSTS_PRELOAD = setting("HSTS_PRELOAD", configuration.boolean, False)
if SECURE_HSTS_PRELOAD and not SECURE_HSTS_INCLUDE_SUBDOMAINS:
    raise configuration.SettingError(
        "HSTS_PRELOAD needs HSTS_SUBDOMAINS: browsers preload whole domains only."
    )
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_NAME = "__Host-session" if HTTPS else "session"
CSRF_COOKIE_NAME = "__Host-csrf" if HTTPS else "csrf"
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "dashboard.errors.csrf_failure"
X_FRAME_OPTIONS = "DENY"
# Named like the setting of Django 6, which will replace our few lines of middleware.
SECURE_CSP = {
    "default-src": ["'self'"],
    "base-uri": ["'none'"],
    "form-action": ["'self'"],
    "frame-ancestors": ["'none'"],
    "object-src": ["'none'"],
}
DATA_UPLOAD_MAX_MEMORY_SIZE = LARGEST_BODY
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2_000
FILE_UPLOAD_HANDLERS = ["dashboard.web.bodies.DeclaredFiles"]

# Language and time. Requests are in their organisation's own zone (orgs.middleware), this one is for all else.
LANGUAGE_CODE = "en-gb"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"

# Static files.
STATIC_URL = "static/"
STATIC_ROOT = VAR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "dashboard.static_files.CollectedAndCompressed"},
}
# What was not collected is served from where it lies.
WHITENOISE_USE_FINDERS = True
if DEMONSTRATION:
    # Compressing the admin's files takes seconds that a first start does not have.
    STORAGES["staticfiles"] = {"BACKEND": "dashboard.static_files.Collected"}
if "SCRATCH" in os.environ:
    # Tests serve the files as they lie, without collecting them first.
    STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    WHITENOISE_AUTOREFRESH = True

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    # Tyk's REST API has tokens in its paths.
    "filters": {"without_tokens": {"()": "keys.logs.WithoutTokens"}},
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["without_tokens"]},
        "nowhere": {"class": "logging.NullHandler"},
    },
    "root": {"handlers": ["console"], "level": setting("LOG_LEVEL", configuration.log_level)},
    # Every scanner asks for hosts that are not ours, and each would leave a traceback.
    "loggers": {"django.security.DisallowedHost": {"handlers": ["nowhere"], "propagate": False}},
}
