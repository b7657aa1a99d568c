"""Loading a batch in the background. Safe to run twice: a row that is in is not put in again."""

from __future__ import annotations

from django_tasks import task


@task()
def load_batch(batch_id: int) -> None:
    from zhaoyin.desk.projects import loading

    loading.load(batch_id)
