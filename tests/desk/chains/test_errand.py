"""A reckoning is the worker's: the page asks for it and shows how far it is, and never waits for the engine."""

import datetime as dt
import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from zhaoyin.base.errors import Refusal
from zhaoyin.desk.chains import actions, ground
from zhaoyin.desk.chains.models import Errand, Standing


@pytest.fixture
def asked(gold, demo, universe, as_role, django_capture_on_commit_callbacks):
    """The officer pressed the button."""
    with django_capture_on_commit_callbacks(execute=True):
        assert as_role("officer").post(f"/chains/{gold.pk}/reckon/").status_code == 302
    return Errand.objects.get()


def test_the_button_queues_and_the_page_shows_how_far_it_is(gold, asked, as_role, monkeypatch):
    client = as_role("officer")
    assert asked.state == "queued" and DBTaskResult.objects.count() == 1 and not Standing.objects.exists()
    page = client.get(f"/chains/{gold.pk}/").content.decode()
    assert "等着测算" in page and "<progress" in page and f'hx-get="/chains/{gold.pk}/reckoning/"' in page
    assert "测算位势" not in page  # nothing to press twice
    client.post(f"/chains/{gold.pk}/reckon/")
    assert Errand.objects.get() == asked and DBTaskResult.objects.count() == 1

    seen = []
    reckon = ground.reckon

    def watched(version, tell):
        def told(done):
            tell(done)
            seen.append(client.get(f"/chains/{gold.pk}/reckoning/").content.decode())

        return reckon(version, told)

    monkeypatch.setattr(ground, "reckon", watched)
    actions.carry_out(asked.pk)
    assert [f'value="{n}"' in body for n, body in zip((15, 30, 50, 60, 85), seen, strict=True)] == [True] * 5
    done = client.get(f"/chains/{gold.pk}/reckoning/")
    assert done.headers["HX-Refresh"] == "true" and not Errand.objects.exists()
    assert (
        Standing.objects.count() == 1
        and 'data-proof="estimate"' in client.get(f"/chains/{gold.pk}/").content.decode()
    )
    actions.carry_out(asked.pk)  # a task that is delivered twice
    assert Standing.objects.count() == 1


@pytest.mark.parametrize("error", [Refusal("x", "没有这个地区。", "No such region."), ValueError("boom")])
def test_what_went_wrong_is_on_the_page_and_can_be_tried_again(gold, asked, as_role, monkeypatch, error):
    def fails(*_):
        raise error

    monkeypatch.setattr(ground, "reckon", fails)
    actions.carry_out(asked.pk)
    page = as_role("officer").get(f"/chains/{gold.pk}/").content.decode()
    assert "测算没有算成" in page and ("没有这个地区" in page or "再测算一次" in page) and "boom" not in page
    assert "测算位势" in page and not Standing.objects.exists()
    monkeypatch.undo()
    as_role("officer").post(f"/chains/{gold.pk}/reckon/")
    asked.refresh_from_db()
    assert asked.state == "queued" and not asked.problem


def test_what_a_killed_worker_left_is_queued_again(asked):
    queued = DBTaskResult.objects.count()
    Errand.objects.update(state="running", lease_until=timezone.now() + dt.timedelta(minutes=5))
    actions.carry_out(asked.pk)  # another worker has it
    assert actions.requeue_lost() == 0 and not Standing.objects.exists()
    assert actions.requeue_lost(every=True) == 1
    Errand.objects.update(state="running", lease_until=timezone.now() - dt.timedelta(minutes=5))
    assert actions.requeue_lost() == 1 and DBTaskResult.objects.count() == queued + 2
    actions.carry_out(asked.pk)
    assert Standing.objects.count() == 1


def test_a_synthetic_universe_is_refused_when_it_is_asked(gold, people, universe, as_role):
    refused = as_role("officer").post(f"/chains/{gold.pk}/reckon/")
    assert refused.status_code == 422 and "合成" in refused.content.decode() and not Errand.objects.exists()


SCRIPT = """
import json, os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "zhaoyin.desk.settings"
import django
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from django.test import Client
from zhaoyin.desk import region
region.load("zhaoyuan")
accounts = region.demo_accounts()
from zhaoyin.desk.accounts.models import User
from zhaoyin.desk.chains.models import Errand, ValueChain
client = Client(raise_request_exception=True, headers={"host": "localhost"})
client.force_login(User.objects.get(username=sys.argv[1]))
pk = ValueChain.objects.get().pk
said = {}
for page in ("", "position/", "segments/jewellery/", "segments/jewellery/why/"):
    said[page] = client.get(f"/chains/{pk}/{page}").status_code
said["reckon"] = client.post(f"/chains/{pk}/reckon/").status_code
said["queued"] = Errand.objects.count()
said["loaded"] = sorted({"ibis", "pandas", "sklearn", "scipy.stats", "zhaoyin.universe.store"} & set(sys.modules))
body = client.get(f"/chains/{pk}/segments/jewellery/shortlist/").content.decode()
said["list"] = body.count('name="firm"')
print(json.dumps(said))
"""


def test_in_a_fresh_process_the_pages_answer_without_the_engine(made, tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    (data / "universe").symlink_to(made / "universe")
    environment = {
        **os.environ,
        "ZHAOYIN_DATA": str(data),
        "PYTHONPATH": str(Path(__file__).parents[3] / "src"),
    }
    environment.pop("ZHAOYIN_DATABASE", None)  # its own file, whatever the others run on
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(SCRIPT), "officer"], env=environment, capture_output=True, text=True, check=False
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    said = json.loads(ran.stdout.splitlines()[-1])
    assert said["loaded"] == [], "the pages and the button loaded the engine"
    assert {said[p] for p in ("", "position/", "segments/jewellery/", "segments/jewellery/why/")} == {200}
    assert said["reckon"] == 302 and said["queued"] == 1 and said["list"] > 0
