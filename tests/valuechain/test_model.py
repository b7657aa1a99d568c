import json

import numpy as np
import pytest

from zhaoyin.base.errors import Refusal
from zhaoyin.valuechain import TextModel, macro_f1

WORDS = {
    "采矿": ["金矿开采", "铜矿开采", "矿山掘进", "选矿浮选"],
    "首饰": ["黄金首饰", "珠宝镶嵌", "银饰加工", "首饰设计"],
    "软件": ["软件开发", "信息系统", "云平台", "数据服务"],
}
PARENTS = {"采矿": "实业", "首饰": "实业", "软件": "服务", "餐饮": "服务"}


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(2)
    texts, labels = [], []
    for label, words in WORDS.items():
        for _ in range(12):
            texts.append("公司从事" + "、".join(rng.choice(words, 2, replace=False)))
            labels.append(label)
    return texts, labels


@pytest.fixture(scope="module")
def model(data):
    return TextModel.fit(
        *data, names={"餐饮": "餐饮服务", "服务": "服务业"}, parents=PARENTS, folds=3, note="made for tests"
    )


def test_it_learns_and_its_card_says_how_well(model, data):
    card = model.card
    assert card["macro_f1"] > 0.9 and card["texts"] == 36 and card["labels"] == 4
    assert card["labels_without_text"] == 1 and card["levels"] == 2 and len(card["data_sha256"]) == 64
    assert card["precision_at_coverage"]["0.2"] >= card["aimed_precision"]


def test_the_words_that_decide_are_shown(model):
    guess = model.guess("本公司主营珠宝镶嵌业务")
    assert guess.label == "首饰" and guess.decided and len(guess.others) == 2
    start, end = guess.spans[0]
    assert set("本公司主营珠宝镶嵌业务"[start:end]) & set("珠宝镶嵌")


@pytest.mark.parametrize("text", ["", "☃☃☃"])
def test_nothing_known_is_no_guess(model, text):
    guess = model.guess(text)
    assert guess.label == "" and not guess.decided


def test_a_label_without_texts_is_known_by_its_name(model):
    assert model.guess("餐饮服务").label == "餐饮"


def test_saved_and_loaded_it_says_the_same(model, data, tmp_path):
    model.save(tmp_path / "m")
    again = TextModel.load(tmp_path / "m")
    assert list(again.decide(data[0])[0]) == list(model.decide(data[0])[0])
    assert json.loads((tmp_path / "m" / "card.json").read_text(encoding="utf-8"))["note"] == "made for tests"


@pytest.mark.parametrize("content", [None, "{}", "not json"])
def test_a_folder_that_is_no_model_is_refused(tmp_path, content):
    if content is not None:
        (tmp_path / "card.json").write_text(content, encoding="utf-8")
    with pytest.raises(Refusal) as caught:
        TextModel.load(tmp_path)
    assert caught.value.code == "model.unreadable"


def test_too_few_texts_are_refused():
    with pytest.raises(Refusal) as caught:
        TextModel.fit(["a"] * 5, ["x"] * 5)
    assert "5 条、1 类" in caught.value.zh


def test_two_labels_share_one_hyperplane():
    texts = ["金矿开采"] * 12 + ["软件开发"] * 12
    model = TextModel.fit(texts, ["a"] * 12 + ["b"] * 12)
    assert list(model.decide(["金矿", "软件"])[0]) == ["a", "b"]


def test_macro_f1_matches_the_definition():
    from sklearn.metrics import f1_score

    rng = np.random.default_rng(0)
    truth, said = rng.choice(list("abcd"), 200), rng.choice(list("abcde"), 200)
    assert macro_f1(list(truth), list(said)) == pytest.approx(
        f1_score(truth, said, labels=list("abcd"), average="macro", zero_division=0)
    )
