"""Nothing untranslated, in either language: checked over every template and every Python source of the desk."""

import ast
import re
from pathlib import Path

import pytest

DESK = Path(__file__).resolve().parents[2] / "src" / "zhaoyin" / "desk"
HAN = re.compile(r"(?![万亿]?元|亩|万|亿)[\u3400-\u9fff]")  # units of input may be named as they are written
TAG = re.compile(r'\{% t "(?P<zh>[^"]*)" "(?P<en>[^"]*)"[^%]*%\}')
BOTH_SIDE_BY_SIDE = {"broken.html", "_language.html"}  # the last resort, and the switch itself
TEMPLATES = sorted(path for path in DESK.rglob("*.html") if path.name not in BOTH_SIDE_BY_SIDE)
SOURCES = sorted(path for path in DESK.rglob("*.py") if "migrations" not in path.parts)


def calls(tree):
    """(zh, en) of every t(…) and say(…) whose words are written out."""
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and getattr(node.func, "id", "") in {"t", "say", "speak"}
            and len(node.args) >= 2
        ):
            zh, en = node.args[:2]
            if isinstance(zh, ast.Constant) and isinstance(en, ast.Constant):
                yield node.lineno, str(zh.value), str(en.value)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(DESK)))
def test_a_template_speaks_only_through_t(path):
    text = re.sub(r"\{% comment %\}.*?\{% endcomment %\}|\{#.*?#\}", "", path.read_text(), flags=re.S)
    for found in TAG.finditer(text):
        assert not HAN.search(found["en"]), f"Han characters in the English of {found[0]}"
        # units and the like may be empty in one language, words may not
        assert found["zh"] or found["en"], found[0]
    rest = TAG.sub("", text)
    assert not HAN.search(rest), (
        f"words outside of {{% t %}}: {HAN.search(rest)[0]} in …{rest[max(0, HAN.search(rest).start() - 40) :][:80]}"
    )


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(DESK)))
def test_words_in_python_have_both_languages(path):
    for line, zh, en in calls(ast.parse(path.read_text())):
        assert not HAN.search(en), f"{path.name}:{line}: Han characters in the English of {zh!r}"
        assert bool(zh.strip()) == bool(en.strip()) or len(zh) <= 2, (
            f"{path.name}:{line}: {zh!r} has no English"
        )
        holes = [sorted(re.findall(r"\{(\w+)\}", words)) for words in (zh, en)]
        assert holes[0] == holes[1] or set(holes[1]) <= set(holes[0]), (
            f"{path.name}:{line}: {zh!r} and {en!r} differ in what they fill in"
        )
