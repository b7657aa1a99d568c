"""Settings come from few environment variables; everything else is the same everywhere.

ZHAOYIN_DATA      folder of database, materials, register and keys (default: ./var)
ZHAOYIN_DATABASE  postgres://user:password@host:port/name; without it an embedded SQLite database in ZHAOYIN_DATA
ZHAOYIN_HOSTS     comma-separated host names the desk answers to (default: this machine only)
ZHAOYIN_HTTPS     1 behind a TLS proxy: secure cookies, HSTS
ZHAOYIN_DEBUG     1 for developers only
"""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

HERE = Path(__file__).resolve().parent
DATA = Path(os.environ.get("ZHAOYIN_DATA") or "var").resolve()
DEBUG = os.environ.get("ZHAOYIN_DEBUG") == "1"
TESTING = "pytest" in sys.modules


def _secret_key() -> str:
    """Made once, kept beside the data with owner-only access."""
    path = DATA / "secret.key"
    if not path.exists():
        DATA.mkdir(parents=True, exist_ok=True)
        try:
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(secrets.token_urlsafe(50))
        except FileExistsError:
            pass
    return path.read_text()


SECRET_KEY = _secret_key()
ALLOWED_HOSTS = [
    *os.environ.get("ZHAOYIN_HOSTS", "").replace(" ", "").split(","),
    "localhost",
    "127.0.0.1",
    "[::1]",
    "testserver",
]
ALLOWED_HOSTS = [host for host in ALLOWED_HOSTS if host]

INSTALLED_APPS = [
    "whitenoise.runserver_nostatic",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django_htmx",
    "django_tasks",
    "django_tasks_db",
    "zhaoyin.desk.apps.DeskConfig",
    "zhaoyin.desk.accounts",
    "zhaoyin.desk.evidence",
    "zhaoyin.desk.materials",
    "zhaoyin.desk.parties",
    "zhaoyin.desk.sites",
    "zhaoyin.desk.events",
    "zhaoyin.desk.policies",
    "zhaoyin.desk.projects",
    "zhaoyin.desk.deals",
    "zhaoyin.desk.reports",
    "zhaoyin.desk.chains",
    "zhaoyin.desk.work",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "zhaoyin.desk.accounts.middleware.NulMiddleware",
    "zhaoyin.desk.accounts.middleware.LanguageMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "zhaoyin.desk.accounts.middleware.PolicyMiddleware",
]

ROOT_URLCONF = "zhaoyin.desk.urls"
WSGI_APPLICATION = "zhaoyin.desk.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [HERE / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "zhaoyin.desk.navigation.shell",
            ],
            "builtins": ["zhaoyin.desk.templatetags.desk"],
        },
    },
]


def _database() -> dict[str, object]:
    address = os.environ.get("ZHAOYIN_DATABASE", "")
    if not address:
        return {
            "ENGINE": "zhaoyin.desk.sqlite",
            "NAME": DATA / "zhaoyin.sqlite3",
            # IMMEDIATE: a reader that then writes would otherwise fail at once with "database is locked".
            # A kept connection: reopening reruns the pragmas and halves the throughput.
            "CONN_MAX_AGE": None,
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                "init_command": (
                    "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;PRAGMA foreign_keys=ON;"
                    "PRAGMA mmap_size=134217728;PRAGMA journal_size_limit=27103364;"
                    "PRAGMA cache_size=-20000;PRAGMA temp_store=MEMORY;"
                ),
            },
            # A file, because threads (live server, racing writers) do not share one in-memory database.
            "TEST": {"NAME": DATA / f"test-{os.getpid()}.sqlite3"} if TESTING else {},
        }
    parts = urlsplit(address)
    if parts.scheme not in {"postgres", "postgresql"}:
        raise SystemExit("ZHAOYIN_DATABASE: 只认 postgres://…（only postgres:// is understood）")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": parts.port or "",
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
        # Compiling a query takes longer than any page's query runs.
        "OPTIONS": {"options": "-c jit=off"},
    }


DATABASES = {"default": _database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "accounts.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
if TESTING:
    PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
LOGIN_URL = "accounts:sign-in"
LOGIN_REDIRECT_URL = "work:today"
LOGOUT_REDIRECT_URL = "accounts:sign-in"
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_HTTPONLY = True

LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", "简体中文"), ("en", "English")]
TIME_ZONE = "Asia/Shanghai"
USE_TZ = True
USE_I18N = True

STATIC_URL = "/static/"
STATICFILES_DIRS = [HERE / "static"]
STATIC_ROOT = DATA / "static"
STATIC_ROOT.mkdir(parents=True, exist_ok=True)
WHITENOISE_USE_FINDERS = True
WHITENOISE_MAX_AGE = 3600

MATERIALS_ROOT = DATA / "materials"
DATA_UPLOAD_MAX_MEMORY_SIZE = 60 * 2**20  # a pasted text of 50 MB still arrives and is judged by us
FILE_UPLOAD_MAX_MEMORY_SIZE = 5 * 2**20
DATA_UPLOAD_MAX_NUMBER_FIELDS = 5000

TASKS = {
    "default": {
        "BACKEND": "django_tasks_db.DatabaseBackend",
        "QUEUES": ["default"],
    }
}

if os.environ.get("ZHAOYIN_HTTPS") == "1":
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    SECURE_HSTS_SECONDS = 31_536_000
X_FRAME_OPTIONS = "SAMEORIGIN"
SECURE_REFERRER_POLICY = "same-origin"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {"zhaoyin": {"handlers": ["console"], "level": "INFO", "propagate": False}},
}
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
