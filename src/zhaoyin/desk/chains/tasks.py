"""Reckoning in the background. Safe to run twice: the standing is kept once, in the transaction that ends the errand."""

from __future__ import annotations

from django_tasks import task


@task()
def reckon(errand_id: int) -> None:
    from zhaoyin.desk.chains import actions

    actions.carry_out(errand_id)
