import pytest

from tests.desk.projects.house import D, People

TODAY = ("zhaoyin.base.dates", "zhaoyin.desk.projects.actions", "zhaoyin.desk.projects.corrections",
         "zhaoyin.desk.projects.queries", "zhaoyin.desk.projects.views.opinions", "zhaoyin.desk.deals.actions")  # fmt: skip


@pytest.fixture
def people(db):
    return People()


@pytest.fixture
def a_day(monkeypatch):
    """Today is 30 November 2026 unless a test moves it: ``a_day(day)``."""

    def move(day):
        for module in TODAY:
            monkeypatch.setattr(f"{module}.today", lambda: day)

    move(D(2026, 11, 30))
    return move
