"""Django's settings, as they follow from the studio's."""

from pathlib import Path
from typing import Any

import dj_database_url

from studio.settings import Settings, read_settings

STUDIO = read_settings()
PACKAGE = Path(__file__).parent


def _database(settings: Settings) -> Any:
    """SQLite unless a URL names another database."""
    if settings.database_url:
        return dj_database_url.parse(settings.database_url, conn_max_age=60, conn_health_checks=True)
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": settings.data / "studio.sqlite3",
        "OPTIONS": {
            # Else a transaction that reads and then writes fails where another wrote meanwhile.
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-65536;",
        },
    }


def _secret_key(settings: Settings) -> str:
    """Empty until the first start has drawn one: whoever needs it then is told so by Django."""
    if settings.secret_key:
        return settings.secret_key
    return settings.secret_key_file.read_text() if settings.secret_key_file.exists() else ""


SECRET_KEY = _secret_key(STUDIO)
DEBUG = False
ALLOWED_HOSTS = list(STUDIO.names)
DATABASES = {"default": _database(STUDIO)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ROOT_URLCONF = "studio.urls"
WSGI_APPLICATION = "studio.wsgi.application"
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
USE_I18N = False

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "studio.people",
    "studio.images",
    "studio.runs",
    "studio.api",
    "oauth2_provider",
    "rest_framework",
    "drf_spectacular",
    "studio.results",
    "studio.publishing",
    "studio.trying",
    "studio.review",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "studio.content_security.ContentSecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "studio.hidden_characters.HiddenCharactersMiddleware",
    "studio.method_page.MethodPageMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "studio.people.log_in_anew.LogInMiddleware",
    # Behind the log-in, as it reads the body, in which a stranger could send anything.
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [PACKAGE / "templates"],
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
            ]
        },
    }
]

AUTH_USER_MODEL = "people.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "log-in"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "log-in"

SESSION_COOKIE_AGE = STUDIO.session_s
SESSION_COOKIE_NAME = "studio_session"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = STUDIO.https
CSRF_COOKIE_NAME = "studio_csrf"
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Strict"
CSRF_COOKIE_SECURE = STUDIO.https
CSRF_TRUSTED_ORIGINS = [f"https://{name}" for name in STUDIO.names] if STUDIO.https else []
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if STUDIO.https else None
SECURE_HSTS_SECONDS = 365 * 24 * 60 * 60 if STUDIO.https else 0
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

FILE_UPLOAD_HANDLERS = [
    "studio.upload_quota.UploadQuota",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]
FILE_UPLOAD_TEMP_DIR = STUDIO.data / "uploads"  # where they are moved from, and not copied
FILE_UPLOAD_PERMISSIONS = 0o600
DATA_UPLOAD_MAX_NUMBER_FILES = 1000
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2000

# Requests of the API are counted here, by all processes.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
        "LOCATION": STUDIO.data / "cache",
        "OPTIONS": {"MAX_ENTRIES": 10_000},
    }
}
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "studio.api.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_THROTTLE_CLASSES": ["studio.api.throttles.UserThrottle", "studio.api.throttles.TokenThrottle"],
    "DEFAULT_PARSER_CLASSES": [
        "studio.api.parsing.StrictJSONParser",
        "rest_framework.parsers.MultiPartParser",
    ],
    "DEFAULT_RENDERER_CLASSES": [
        "rest_framework.renderers.JSONRenderer",
        "studio.api.renderers.PageRenderer",
    ],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "studio.api.errors.answer_error",
    "UPLOADED_FILES_USE_URL": False,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Studio",
    "DESCRIPTION": "Data sets, labels, versions and runs, as the pages have them.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
    "OAS_VERSION": "3.1.0",
    "COMPONENT_SPLIT_REQUEST": True,
    "SCHEMA_PATH_PREFIX": "/api",
}
# Code with PKCE, and client credentials. What RFC 9700 advises against is off. Redirects by http are for a
# user's own machine alone, which the form of applications sees to.
OAUTH2_PROVIDER = {
    "SCOPES_BACKEND_CLASS": "studio.api.scopes.Scopes",
    "PKCE_REQUIRED": True,
    "ACCESS_TOKEN_EXPIRE_SECONDS": 60 * 60,
    "REFRESH_TOKEN_EXPIRE_SECONDS": 30 * 24 * 60 * 60,
    "REFRESH_TOKEN_REUSE_PROTECTION": True,
    "ALLOWED_REDIRECT_URI_SCHEMES": ["https", "http"],
    "COMPLIANT_BCP_RFC9700_IMPLICIT_GRANT": True,
    "COMPLIANT_BCP_RFC9700_PASSWORD_GRANT": True,
    "COMPLIANT_BCP_RFC9700_PKCE_METHOD": True,
    "COMPLIANT_BCP_RFC9700_PKCE_REQUIRED": True,
    "COMPLIANT_BCP_RFC9700_ACCESS_TOKEN_TRANSPORT": True,
    "COMPLIANT_BCP_RFC9700_AUTHZ_RESPONSE_ISS": True,
    "COMPLIANT_BCP_RFC9700_TOKEN_STORAGE": True,
    "COMPLIANT_BCP_RFC9700_REFRESH_TOKEN": True,
    "COMPLIANT_BCP_RFC9700_REDIRECT_URI_MATCHING": True,
}

STATIC_URL = "static/"
# Not what libraries carry: our pages use none of it.
STATICFILES_FINDERS = ["django.contrib.staticfiles.finders.FileSystemFinder"]
STATICFILES_DIRS = [PACKAGE / "static"]
WHITENOISE_USE_FINDERS = True
WHITENOISE_ALLOW_ALL_ORIGINS = False
WHITENOISE_MAX_AGE = 300  # seconds; the names of files do not change with their content

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
}
