"""Settings of the project. Every variable is documented in the README's configuration table."""

import hashlib
import hmac
import secrets
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dj_database_url
from django.urls import reverse_lazy

from trustengine import environment as env
from trustengine import metric_files, static_files
from trustengine.embedded import addresses
from trustengine.logs import logging_config

BASE_DIR = Path(__file__).resolve().parent.parent.parent
DATA_DIR = env.path("DATA_DIR", ".data")


def _kept_secret(name: str) -> str:
    """A random secret of this data directory, made on first use and kept from then on."""
    file = DATA_DIR / name
    try:
        return file.read_text().strip()
    except FileNotFoundError:
        pass
    except OSError as error:
        raise env.SettingError("DATA_DIR", f"cannot read {file}: {error.strerror}") from error
    try:
        DATA_DIR.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = file.with_suffix(f".{secrets.token_hex(4)}")
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(48))
        try:
            file.hardlink_to(draft)  # atomic, and never replaces what another process has just written
        except FileExistsError:
            pass
        finally:
            draft.unlink()
        return file.read_text().strip()
    except OSError as error:
        raise env.SettingError("DATA_DIR", f"cannot write to {DATA_DIR}: {error.strerror}") from error


# Basics

DEBUG = env.boolean("DEBUG")
SECRET_KEY = env.text("SECRET_KEY") or _kept_secret("secret_key")
AUDIT_KEYS = env.listing("AUDIT_KEY") or [_kept_secret("audit_key")]  # the first signs, all verify
ALLOWED_HOSTS = env.listing("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = env.listing("CSRF_TRUSTED_ORIGINS")
TRUSTED_PROXIES = env.networks("TRUSTED_PROXIES")
HTTPS_ONLY = env.boolean("HTTPS_ONLY")
READ_ONLY = env.boolean("READ_ONLY")

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS_ONLY
SESSION_ENGINE = "trustengine.accounts.session_store"
SESSION_COOKIE_AGE = 12 * 60 * 60
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS_ONLY else 0
SECURE_SSL_REDIRECT = HTTPS_ONLY
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS_ONLY and TRUSTED_PROXIES else None
X_FRAME_OPTIONS = "DENY"

INSTALLED_APPS = [
    "trustengine.apps.TrustEngineConfig",
    "unfold.apps.BasicAppConfig",  # before the admin, whose templates and scripts it replaces
    "unfold.contrib.filters",
    "trustengine.apps.TrustEngineAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_rq",
    "django_prometheus",
    "pgtrigger",
    "axes",
    "trustengine.jobs",
    "trustengine.mail",
    "trustengine.audit",
    "trustengine.api",
    "trustengine.operations",
    "trustengine.accounts",
    "orders",
    "billing",
    "reviews",
    "reports",
    "metrics",
    "trustengine.devtools",
]

MIDDLEWARE = [
    "trustengine.middleware.RequestID",
    "trustengine.middleware.ForwardedHeaders",
    "trustengine.middleware.AccessLine",
    "trustengine.middleware.ContentSecurityPolicy",
    "trustengine.middleware.BodyProblems",
    "trustengine.middleware.RefuseNul",
    "trustengine.health.Probes",
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "trustengine.static_files.StaticMiddleware",
    "trustengine.middleware.ReadOnly",
    "trustengine.request_slots.RequestSlots",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
    "trustengine.accounts.middleware.PasswordForms",
    "django_prometheus.middleware.PrometheusAfterMiddleware",
]

ROOT_URLCONF = "trustengine.urls"
WEB_THREADS = env.integer("WEB_THREADS", 64, minimum=1, maximum=200)
BODY_TIMEOUT_SECONDS = env.integer("BODY_TIMEOUT_SECONDS", 20, minimum=1, maximum=3_600)
WSGI_APPLICATION = "trustengine.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
APPEND_SLASH = False

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
            ],
        },
    }
]

# PostgreSQL and Redis: the given ones, else the embedded ones of the data directory

DATABASE_URL = env.text("DATABASE_URL")
REDIS_URL = env.text("REDIS_URL")
DATABASE_POOL_SIZE = env.integer("DATABASE_POOL_SIZE", 0, maximum=200)


def _database() -> dict[str, Any]:
    try:
        config: dict[str, Any] = dict(dj_database_url.parse(DATABASE_URL or addresses(DATA_DIR).database_url))
    except (ValueError, KeyError) as error:
        raise env.SettingError("DATABASE_URL", "not the address of a PostgreSQL database") from error
    if config.get("ENGINE") != "django.db.backends.postgresql":
        raise env.SettingError("DATABASE_URL", "must begin with postgres://")
    options: dict[str, Any] = {"connect_timeout": 2, **config.get("OPTIONS", {})}
    if DATABASE_POOL_SIZE:
        # The pool's own attempts to connect back off to minutes: given up soon, they begin anew with a request.
        waits = {"timeout": 2, "reconnect_timeout": 1}
        options["pool"] = {"min_size": 1, "max_size": DATABASE_POOL_SIZE, **waits}
    return config | {
        "ENGINE": "trustengine.database",
        "OPTIONS": options,
        "DISABLE_SERVER_SIDE_CURSORS": True,  # PgBouncer in transaction mode may stand in front
        "CONN_MAX_AGE": 0 if DATABASE_POOL_SIZE else 600,
        "CONN_HEALTH_CHECKS": True,
    }


def _redis_url() -> str:
    url = REDIS_URL or addresses(DATA_DIR).redis_url
    if urlsplit(url).scheme not in {"redis", "rediss", "unix"}:
        raise env.SettingError("REDIS_URL", "must begin with redis://, rediss:// or unix://")
    # Without these, a Redis that does not answer holds up every request for seconds.
    separator = "&" if urlsplit(url).query else "?"
    return url if "socket_timeout" in url else f"{url}{separator}socket_connect_timeout=0.25&socket_timeout=0.5"


DATABASES = {"default": _database()}
REDIS_ADDRESS = _redis_url()
LOCK_TIMEOUT_MS = env.integer("LOCK_TIMEOUT_MS", 3_000, minimum=100, maximum=3_600_000)
STATEMENT_TIMEOUT_MS = env.integer("STATEMENT_TIMEOUT_MS", 15_000, minimum=1_000, maximum=86_400_000)
LONG_STATEMENT_TIMEOUT_MS = env.integer("LONG_STATEMENT_TIMEOUT_MS", 3_600_000, minimum=15_000, maximum=604_800_000)

CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_ADDRESS,
        "KEY_PREFIX": f"trustengine:{DATABASES['default']['NAME']}",
        "OPTIONS": {"serializer": "trustengine.redis_json.CachedValues"},
    }
}

QUEUES = ("high", "default", "low")
RQ_QUEUES = {
    name: {"URL": REDIS_ADDRESS, "DEFAULT_TIMEOUT": 300, "SERIALIZER": "trustengine.redis_json.Messages"}
    for name in QUEUES
}
RQ = {"SHOW_ADMIN_LINK": False}
RQ_SHOW_ADMIN_LINK = False

# Jobs

JOB_BATCH_SIZE = env.integer("JOB_BATCH_SIZE", 100, minimum=1, maximum=10_000)
JOB_LEASE_SECONDS = env.integer("JOB_LEASE_SECONDS", 60, minimum=2, maximum=86_400)
JOB_MAX_ATTEMPTS = env.integer("JOB_MAX_ATTEMPTS", 8, minimum=1)
JOB_BACKOFF_SECONDS = env.decimal("JOB_BACKOFF_SECONDS", 2.0, minimum=0.01)
JOB_DRAIN_SECONDS = env.integer("JOB_DRAIN_SECONDS", 3, minimum=1, maximum=120)
JOB_SWEEP_SECONDS = env.integer("JOB_SWEEP_SECONDS", 5, minimum=1, maximum=3_600)
JOB_RETENTION_DAYS = env.integer("JOB_RETENTION_DAYS", 7, minimum=1, maximum=3_650)

# Operations

RECONCILE_FIX = env.listing("RECONCILE_FIX")  # its targets are known once the apps are loaded, which checks them

RUN_RETENTION_DAYS = env.integer("RUN_RETENTION_DAYS", 90, minimum=1, maximum=36_500)

# Identity

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "trustengine.accounts.password_guard.PasswordGuard",
    "django.contrib.auth.backends.ModelBackend",  # of sessions that begin without a password; never gets to look at one
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_REDIRECT_URL = reverse_lazy("admin:index")
LOGIN_URL = reverse_lazy("admin:login")
MINIMUM_AGE = env.integer("MINIMUM_AGE", 13, maximum=120)

JWT_SECRET = env.text("JWT_SECRET")
JWT_JWKS_URL = env.text("JWT_JWKS_URL")
JWT_AUDIENCE = env.text("JWT_AUDIENCE")
JWT_ISSUER = env.text("JWT_ISSUER")
JWT_LEEWAY_SECONDS = env.integer("JWT_LEEWAY_SECONDS", 10, maximum=300)
OWN_TOKEN_ISSUER = "trustengine"
SIMPLE_JWT = {
    "SIGNING_KEY": hmac.new(SECRET_KEY.encode(), b"trustengine own tokens", hashlib.sha256).hexdigest(),
    "ALGORITHM": "HS256",
    "ISSUER": OWN_TOKEN_ISSUER,
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=env.integer("ACCESS_TOKEN_MINUTES", 30, minimum=1, maximum=43_200)),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=env.integer("REFRESH_TOKEN_DAYS", 14, minimum=1, maximum=3_650)),
    "USER_ID_FIELD": "id",
    "USER_ID_CLAIM": "user_id",
    "UPDATE_LAST_LOGIN": False,
    "CHECK_REVOKE_TOKEN": True,
}

SIGN_IN_FAILURE_DAYS = env.integer("SIGN_IN_FAILURE_DAYS", 30, minimum=1, maximum=3_650)
AXES_FAILURE_LIMIT = env.integer("LOGIN_FAILURE_LIMIT", 10, minimum=1)
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_WHITELIST_CALLABLE = "trustengine.accounts.lockout.is_never_locked"
AXES_CLIENT_IP_CALLABLE = "trustengine.accounts.lockout.sign_in_address"
AXES_LOCKOUT_CALLABLE = "trustengine.accounts.lockout.locked_out"
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # so that Retry-After is true
AXES_VERBOSE = False
AXES_ENABLE_ACCESS_FAILURE_LOG = False
AXES_DISABLE_ACCESS_LOG = True
NAME_FAILURE_LIMIT = env.integer("NAME_FAILURE_LIMIT", 30, minimum=1, maximum=10_000)
SLOWED_SIGN_INS_PER_MINUTE = env.integer("SLOWED_SIGN_INS_PER_MINUTE", 2, minimum=1, maximum=1_000)
SIGN_IN_WARNINGS_PER_DAY = 1
AXES_ENABLE_ADMIN = False  # `manage.py axes_reset` lets somebody in again

# API

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["trustengine.accounts.authentication.BearerAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_THROTTLE_CLASSES": [
        "trustengine.api.throttles.AnonymousReads",
        "trustengine.api.throttles.SignedInReads",
    ],
    "DEFAULT_PARSER_CLASSES": ["trustengine.api.parsers.JSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PAGINATION_CLASS": "trustengine.api.pagination.KeysetPagination",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "trustengine.api.schema.Schema",
    "EXCEPTION_HANDLER": "trustengine.api.problems.exception_handler",
    "PAGE_SIZE": 20,
    "DATETIME_FORMAT": None,  # left to the renderer, which writes UTC; DRF would write the marketplace's time
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "TrustEngine",
    "DESCRIPTION": "Trust for marketplaces: verified reviews, believable orders, moderation.",
    "VERSION": "1",
    "LICENSE": {"name": "Apache 2.0", "identifier": "Apache-2.0"},
    "SERVERS": [{"url": "/", "description": "The server that answered with this document"}],
    "TAGS": [
        {"name": "Accounts", "description": "Signing in, the current user, profiles, export and erasure."},
        {"name": "Orders", "description": "Catalogue of vendors, cart, checkout, payment webhooks, fulfilment."},
        {"name": "Billing", "description": "Plans, metered usage, ledger, payouts, statements."},
        {"name": "Reviews", "description": "Products with their ratings, reviews, votes, replies, photos."},
        {"name": "Reports", "description": "Reports, moderation cases, decisions, appeals, transparency."},
        {"name": "Metrics", "description": "Dashboards of vendors and staff."},
    ],
    "OAS_VERSION": "3.1.1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SCHEMA_PATH_PREFIX": r"/api/v[0-9]",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "ENUM_NAME_OVERRIDES": {
        "ReviewStatus": "reviews.models.Review.Status",
        "RevisionState": "reviews.models.ReviewRevision.State",
        "ErasureState": "trustengine.accounts.models.Erasure.State",
        "OrderStatus": "orders.models.Order.Status",
        "FulfilmentStatus": "orders.models.OrderItem.Fulfilment",
        "ReportStatus": "reports.models.Report.Status",
        "CaseState": "reports.models.Case.State",
        "ProposalState": "reports.models.Proposal.State",
        "AppealState": "reports.models.Appeal.State",
        "LookBackState": "reports.models.LookBack.State",
        "ModerationAction": "reports.models.Action",
        "DecisionByHand": "reports.services.deciding.CHOICES_BY_HAND",
        "StatementRole": "reports.models.StatementOfReasons.Role",
        "LedgerAccountKind": "billing.models.LedgerAccount.Kind",
        "LedgerTransactionKind": "billing.models.LedgerTransaction.Kind",
        "PayoutState": "billing.models.Payout.State",
        "MembershipRole": "trustengine.accounts.models.Membership.Role",
        "Meter": "billing.meters.CHOICES",
        "QuotaKind": "billing.models.PlanMeter.Kind",
    },
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_048_576
IDEMPOTENCY_HOURS = env.integer("IDEMPOTENCY_HOURS", 24, minimum=1, maximum=8_760)
ANONYMOUS_READS_PER_MINUTE = env.integer("ANONYMOUS_READS_PER_MINUTE", 600, minimum=1)
SIGNED_IN_READS_PER_MINUTE = env.integer("SIGNED_IN_READS_PER_MINUTE", 1_200, minimum=1)
EXPORTS_PER_MINUTE = env.integer("EXPORTS_PER_MINUTE", 6, minimum=1)
TOKEN_REQUESTS_PER_MINUTE = env.integer("TOKEN_REQUESTS_PER_MINUTE", 30, minimum=1)
SHARED_SIGN_INS_PER_MINUTE = 10 * TOKEN_REQUESTS_PER_MINUTE  # of all clients of a proxy that nobody has named
STALE_REFRESH_SECONDS = env.integer("STALE_REFRESH_SECONDS", 15, minimum=1, maximum=86_400)
STALE_KEPT_HOURS = env.integer("STALE_KEPT_HOURS", 6, minimum=1, maximum=8_760)

# The marketplace

MARKETPLACE_TIME_ZONE = env.time_zone("MARKETPLACE_TIME_ZONE", "UTC")
MARKETPLACE_CURRENCY = env.currency("MARKETPLACE_CURRENCY", "EUR")
TIME_ZONE = MARKETPLACE_TIME_ZONE
USE_TZ = True
USE_I18N = False
LANGUAGE_CODE = "en"

# Apps: thresholds of each, in a module of its own

from trustengine.settings.appearance import *  # noqa: E402, F403
from trustengine.settings.billing import *  # noqa: E402, F403
from trustengine.settings.mail import *  # noqa: E402, F403
from trustengine.settings.orders import *  # noqa: E402, F403
from trustengine.settings.reports import *  # noqa: E402, F403
from trustengine.settings.reviews import *  # noqa: E402, F403
from trustengine.settings.sign_in import *  # noqa: E402, F403
from trustengine.settings.storage import *  # noqa: E402, F403

# Pages

STATIC_URL = "static/"
STATIC_ROOT = static_files.directory(BASE_DIR)
STORAGES["staticfiles"] = {"BACKEND": "trustengine.static_files.StaticFiles"}  # noqa: F405
MEDIA_ROOT = DATA_DIR / "media"
FILE_UPLOAD_PERMISSIONS = 0o600
FILE_UPLOAD_DIRECTORY_PERMISSIONS = 0o700
STATICFILES_DIRS: list[Path] = []
WHITENOISE_USE_FINDERS = True  # what has not been collected comes straight from the installed packages
WHITENOISE_AUTOREFRESH = DEBUG
WHITENOISE_MAX_AGE = 3_600

# Logs

LOG_FORMAT = env.choice("LOG_FORMAT", ("json", "console"))
LOGGING = logging_config(
    LOG_FORMAT,
    level=env.choice("LOG_LEVEL", ("INFO", "DEBUG", "WARNING", "ERROR")),
)

# Metrics

metric_files.install()
METRICS_TOKEN = env.text("METRICS_TOKEN")
# Whether subdomains speak HTTPS, and whether browsers' lists should say so, is for the owner of the domain to decide.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
if not HTTPS_ONLY:  # one check of our own says it once (operations.W004)
    SILENCED_SYSTEM_CHECKS += ["security.W004", "security.W008", "security.W012", "security.W016"]
