"""Reading in the background. Safe to run twice: the result is stored in one transaction, keyed by fact."""

from __future__ import annotations

import logging

from django_tasks import task

log = logging.getLogger("zhaoyin.materials")


@task()
def read_material(material_id: int) -> None:
    from zhaoyin.desk.materials import actions

    actions.read(material_id)
