"""Django's settings, all of them, from the environment as `config.environment` reads it.

Only this plane reads settings; everything below takes arguments.
"""

import os
from pathlib import Path
from typing import Any

import django_stubs_ext
from django.core.exceptions import ImproperlyConfigured

from config.environment import Database, Environment, EnvironmentProblem, read_environment
from config.local.running_region import with_running
from config.logs import logging_configuration
from config.secret import secret_key

# Lets classes such as ModelAdmin name their model in brackets at run time too, as their types do.
django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent

try:
    MERIDIAN: Environment = read_environment(with_running(os.environ))
    SECRET_KEY = secret_key(MERIDIAN)
except EnvironmentProblem as problem:
    raise ImproperlyConfigured(str(problem)) from None

DEBUG = MERIDIAN.debug
ALLOWED_HOSTS = [*MERIDIAN.allowed_hosts, MERIDIAN.http.host]
ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "config",
    "registry",
    "federation",
    "dashboard",
    "registry.admin_site.MeridianAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
]

MIDDLEWARE = [
    "config.middleware.RequestId",
    "django.middleware.security.SecurityMiddleware",
    "config.middleware.ContentSecurityPolicy",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "OPTIONS": {
            # Compiled once per process, and without the whitespace that only lays them out.
            "loaders": [("django.template.loaders.cached.Loader", ["config.whitespace.Loader"])],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]


def database_settings(database: Database) -> dict[str, Any]:
    """Django's form of a database."""
    if database.engine == "postgres":
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": database.name,
            "USER": database.user,
            "PASSWORD": database.password,
            "HOST": database.host,
            "PORT": database.port,
            "CONN_HEALTH_CHECKS": True,
            "OPTIONS": {"connect_timeout": "5", **dict(database.options)},
        }
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": database.name,
        "OPTIONS": {
            # A writer takes the lock when its transaction begins. SQLite's default takes it at the first write, and a
            # transaction that has read by then fails at once instead of waiting for its turn.
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            # FULL syncs the write-ahead log at each commit: an acknowledged change survives a power cut.
            # Checkpoints at 64 MB instead of 4 MB: a page that many commits touch goes into the database's file once. A
            # cache of 32 MB holds the inner pages of a big catalog, which registrations come back to in no order. What
            # a statement of many rows keeps for taking itself back stays in memory: in a file it was two fifths of all
            # that is written.
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=16000; "
            "PRAGMA cache_size=-32768; PRAGMA temp_store=MEMORY",
        },
        # Tests use a file as well: the writer is a thread of its own, and SQLite's memory databases lock whole tables.
        "TEST": {"NAME": f"{database.name}.test"},
    }


DATABASES = {"default": database_settings(MERIDIAN.database)}

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "admin:login"

LANGUAGE_CODE = "en-gb"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "/static/"
STATIC_ROOT = MERIDIAN.data / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"},
}

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True
# A proxy that ends TLS says so with this header; cookies then travel over TLS only.
SECURE_PROXY_SSL_HEADER = None if MERIDIAN.http.is_loopback else ("HTTP_X_FORWARDED_PROTO", "https")
SESSION_COOKIE_SECURE = not MERIDIAN.http.is_loopback
CSRF_COOKIE_SECURE = not MERIDIAN.http.is_loopback
X_FRAME_OPTIONS = "DENY"

REST_FRAMEWORK = {
    "DEFAULT_RENDERER_CLASSES": ["registry.api.rendering.StructJson"],
    "DEFAULT_PARSER_CLASSES": ["registry.api.parsing.BoundedJson"],
    "DEFAULT_AUTHENTICATION_CLASSES": ["registry.api.authentication.CallerAuthentication"],
    "EXCEPTION_HANDLER": "registry.api.problems.handle",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Meridian",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "PREPROCESSING_HOOKS": ["registry.api.schema.documentation.only_plain_paths"],
    "POSTPROCESSING_HOOKS": ["registry.api.schema.documentation.describe"],
    # The page and its scripts come from this server: no third-party hosts.
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}

CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [MERIDIAN.valkey_url], "prefix": f"meridian:{MERIDIAN.region}:layer"},
    }
}

CELERY_BROKER_URL = MERIDIAN.valkey_url
CELERY_TASK_IGNORE_RESULT = True
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # Valkey may be away for as long as it likes
CELERY_WORKER_PREFETCH_MULTIPLIER = 1  # a waiting task must not sit behind a slow one of the same process
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TIMEZONE = "UTC"

LOGGING = logging_configuration(MERIDIAN)
