"""`zhaoyin read`: files, folders, patterns, standard input; one that cannot be read does not stop the others."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from zhaoyin.cli import main

TEXTS = Path(__file__).parent / "texts"


@pytest.fixture
def run(monkeypatch):
    monkeypatch.setenv("ZHAOYIN_LANG", "zh")
    monkeypatch.setenv("COLUMNS", "300")
    return lambda *arguments, **options: CliRunner().invoke(main, ["read", *map(str, arguments)], **options)


def test_a_readable_table(run):
    result = run(TEXTS / "promotion.txt")
    assert result.exit_code == 0
    assert "高精密减速机" in result.output
    assert "梁文柏" in result.output


def test_json_one_line_a_file(run):
    result = run(TEXTS / "promotion.txt", TEXTS / "park.txt", "--json")
    first, second = map(json.loads, result.stdout.strip().splitlines())
    assert (first["id"], second["id"]) == ("promotion", "park")
    assert len(first["projects"]) == 7


def test_facts_with_their_places(run):
    path = TEXTS / "promotion.txt"
    reading = json.loads(run(path, "--json", "--facts").stdout)
    text = path.read_text(encoding="utf-8")
    assert all(text[slice(*fact["evidence"])] for fact in reading["facts"])


def test_a_folder_into_a_folder_with_two_jobs(run, tmp_path):
    result = run(TEXTS, "--out", tmp_path / "out", "--jobs", 2)
    assert result.exit_code == 0, result.output
    assert {file.stem for file in (tmp_path / "out").iterdir()} == {file.stem for file in TEXTS.glob("*.txt")}


def test_a_pattern_and_stems_that_come_twice(run, tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.txt").write_text("县长周予安致辞。", encoding="utf-8")
    run(tmp_path / "*" / "x.txt", "--out", tmp_path / "out")
    assert {file.name for file in (tmp_path / "out").iterdir()} == {"x.json", "x-2.json"}


def test_standard_input(run):
    result = run("-", "--json", input="县长周予安致辞。".encode("gb18030"))
    assert json.loads(result.stdout)["people"][0]["name"] == "周予安"


def test_one_bad_file_gets_one_line_and_the_others_go_on(run, tmp_path):
    (tmp_path / "empty.txt").write_bytes(b"")
    (tmp_path / "good.txt").write_text("县长周予安致辞。", encoding="utf-8")
    (tmp_path / "picture.txt").write_bytes(bytes(range(256)) * 40)
    result = run(tmp_path, tmp_path / "missing.txt", "--json")
    assert result.exit_code == 1
    assert len(result.stdout.strip().splitlines()) == 1
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 3
    assert all(any(name in line for line in lines) for name in ("empty.txt", "picture.txt", "missing.txt"))


def test_wrong_usage(run):
    assert run("--jobs", 0, TEXTS).exit_code == 2
    assert run().exit_code == 2
