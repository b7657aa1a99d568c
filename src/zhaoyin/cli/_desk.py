"""The desk, ready to be used from the command line."""

from __future__ import annotations

import os


def setup() -> None:
    """Start Django once; verbs that touch the ledger call this first."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "zhaoyin.desk.settings")
    import django

    django.setup()


def migrate() -> None:
    """Bring the database up to date; what is up to date stays untouched."""
    from django.core.management import call_command

    call_command("migrate", verbosity=0, interactive=False)
