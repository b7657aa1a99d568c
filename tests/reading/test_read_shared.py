"""The real announcement and the annotated articles, where they are on this machine."""

import importlib.util
import json

import pytest

from zhaoyin.reading import read

pytestmark = pytest.mark.shared


@pytest.fixture(scope="module")
def score(shared):
    spec = importlib.util.spec_from_file_location("score", shared / "reading" / "score.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def seed(shared):
    text = (shared / "seed" / "article.txt").read_text(encoding="utf-8")
    gold = json.loads((shared / "seed" / "article.json").read_text(encoding="utf-8"))
    return text, gold, read(text)


def figures(score, entries):
    tallies = {}
    for text, gold, reading in entries:
        score.score_document(gold, score.grounded(reading.to_schema(), text), tallies)
    return {key: tally.figures()["f1"] for key, tally in tallies.items()}


def test_twelve_signings_and_no_thirteenth(seed):
    _, gold, reading = seed
    assert len(reading.projects) == 12
    kinds = [fact.fields.get("agreement") for fact in reading.projects]
    assert (kinds.count("strategic"), kinds.count("project"), kinds.count(None)) == (3, 3, 6)
    parties = {
        (fact.fields.get("local_party"), tuple(fact.fields.get("investors", ()))) for fact in reading.projects
    }
    for item in gold["projects"]:
        assert (item["local_party"], tuple(item["investors"])) in parties


def test_conference_officials_parks_and_policies(seed):
    _, gold, reading = seed
    event = next(fact.fields for fact in reading.events if fact.fields["kind"] == "promotion")
    assert (event["date"], event["attendees"], event["signed_count"]) == ("--07-28", 200, 12)
    assert {fact.name for fact in reading.people} == {item["name"] for item in gold["people"]}
    names = " ".join(fact.name for fact in reading.carriers)
    for carrier in ("中德新材料产业园", "生物医药产业园", "东部功能区", "西部功能区", "沿海功能区"):
        assert carrier in names
    policies = [fact.name for fact in reading.policies]
    assert all(any(item["name"] in name for name in policies) for item in gold["policies"])


def test_the_announcement_scores(score, seed):
    assert figures(score, [seed])["slots.all"] >= 0.85


def test_the_annotated_articles_score(score, shared):
    entries = [
        (
            file.with_suffix(".txt").read_text(encoding="utf-8"),
            json.loads(file.read_text(encoding="utf-8")),
            read(file.with_suffix(".txt").read_text(encoding="utf-8")),
        )
        for file in sorted((shared / "reading" / "dev").glob("*.json"))
    ]
    found = figures(score, entries)
    assert found["slots.all"] >= 0.85
    assert found["items.organisations"] >= 0.93
    assert found["items.people"] >= 0.97
    assert found["items.events"] >= 0.92
    assert found["items.projects"] >= 0.90
