"""Settings, grouped by subject. Each is an environment variable, or a file named by the same variable with _FILE."""

import os
from pathlib import Path

import environ

from dashboard import embedded
from dashboard.kept import checked, kept
from dashboard.web.limits import LARGEST_BODY

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.FileAwareEnv()

# Where everything lives that this installation makes for itself.
VAR = Path(env.str("GATEHOUSE_VAR", default=str(BASE_DIR / "var")))

# Secrets: given, or made and kept. A short or known one is refused.
SECRET_KEY = checked("SECRET_KEY", env.str("SECRET_KEY", default="") or kept(VAR, "secret_key"))
ADMIN_SECRET = checked("ADMIN_SECRET", env.str("ADMIN_SECRET", default="") or kept(VAR, "admin_secret"))
NODE_SECRET = checked("NODE_SECRET", env.str("NODE_SECRET", default="") or kept(VAR, "node_secret"))

# Engines: without a URL the embedded ones.
_database_url = env.str("DATABASE_URL", default="")
EMBEDDED_DATABASE = not _database_url
EMBEDDED_REDIS = not env.str("REDIS_URL", default="")
REDIS_URL = env.str("REDIS_URL", default="") or embedded.redis_url(VAR)


def _database(url: str) -> dict:
    return {
        **env.db_url_config(url),
        "ENGINE": "orgs.db",
        "ATOMIC_REQUESTS": True,
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "SYSTEM_ROLE": env.str("DATABASE_SYSTEM_ROLE", default="gatehouse_system"),
    }


DATABASES = {
    "default": _database(_database_url or embedded.database_url(VAR)),
    # Owns the tables: migrations and partitions. The application itself never speaks through it.
    "owner": _database(
        env.str("DATABASE_MIGRATE_URL", default="") or (_database_url or embedded.migrate_url(VAR))
    ),
}
for _settings in DATABASES.values():
    _settings["APPLICATION_ROLE"] = DATABASES["default"]["USER"]
DATABASES["owner"] |= {"ATOMIC_REQUESTS": False, "CONN_MAX_AGE": 0}

# Gateways.
GATEWAY_HASH_KEYS = env.bool("GATEWAY_HASH_KEYS", default=True)
FEED_CHECK_URL = env.str("FEED_CHECK_URL", default="")

# What this installation is.
DEBUG = False
DEMONSTRATION = env.bool("DEMONSTRATION", default=False)
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
    "heroicons",
    "orgs",
    "apis",
    "keys",
    "dashboard.nodes",
    "dashboard.analytics",
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
    "dashboard.bodies.BodyMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "orgs.audit.AuditMiddleware",
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
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "dashboard.context.page",
            ],
        },
    },
]

# People.
AUTH_USER_MODEL = "orgs.User"
AUTHENTICATION_BACKENDS = ["orgs.authentication.EmailBackend"]
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
# orgs.authentication.EmailBackend tries each.
SILENCED_SYSTEM_CHECKS = ["auth.W004"]

# Transport. Behind a TLS proxy by default; the demonstration speaks plain HTTP on loopback.
HTTPS = env.bool("HTTPS", default="SCRATCH" not in os.environ)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
SECURE_SSL_REDIRECT = HTTPS
# Gateways and REST clients are never redirected: a redirected POST loses its body.
SECURE_REDIRECT_EXEMPT = [r"^(register|system|hello|api|admin)(/|$)"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
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
FILE_UPLOAD_HANDLERS = ["dashboard.bodies.NoFiles"]

# Language and time. Pages show each organisation's own zone.
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
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
if DEMONSTRATION:
    # Compressing the admin's files takes seconds that a first start does not have.
    STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"}
if "SCRATCH" in os.environ:
    # Tests serve the files as they lie, without collecting them first.
    STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    WHITENOISE_AUTOREFRESH = WHITENOISE_USE_FINDERS = True

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    # Tyk's REST API has tokens in its paths.
    "filters": {"without_tokens": {"()": "keys.logs.WithoutTokens"}},
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["without_tokens"]},
    },
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="INFO")},
}
