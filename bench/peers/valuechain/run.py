"""The peers of bench/valuechain.py, run in their own environment: ecomplexity, jieba with an SVM, fastText."""

import json
import resource
import sys
import time
from pathlib import Path

import numpy as np


def complexity(source: str, target: str) -> dict:
    import pandas as pd
    from ecomplexity import ecomplexity

    data = np.load(source)
    frame = pd.DataFrame({"year": 2024, "r": data["r"], "i": data["i"], "v": data["v"]})
    started = time.perf_counter()
    out = ecomplexity(frame, {"time": "year", "loc": "r", "prod": "i", "val": "v"}, verbose=False)
    seconds = time.perf_counter() - started
    shape = tuple(int(n) for n in data["shape"])

    def matrix(column: str) -> np.ndarray:
        m = np.full(shape, np.nan)
        m[out["r"].to_numpy(int), out["i"].to_numpy(int)] = out[column].to_numpy(float)
        return m

    eci = out.groupby("r")["eci"].first().reindex(range(shape[0])).to_numpy(float)
    pci = out.groupby("i")["pci"].first().reindex(range(shape[1])).to_numpy(float)
    np.savez(target, eci=eci, pci=pci, density=matrix("density"), rca=matrix("rca"))
    return {"seconds": seconds}


def texts(kind: str, source: str, target: str) -> dict:
    with Path(source).open(encoding="utf-8") as file:
        given = json.load(file)
    x, y, fold = given["texts"], np.array(given["labels"]), np.array(given["fold"])
    predicted = [""] * len(x)
    fitting = guessing = 0.0
    for k in given["folds"]:
        train, test = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
        fit = svm if kind == "svm" else fasttext_chars
        a, b = fit([x[i] for i in train], y[train], [x[i] for i in test], predicted, test)
        fitting, guessing = fitting + a, guessing + b
    with Path(target).open("w", encoding="utf-8") as file:
        json.dump(predicted, file, ensure_ascii=False)
    return {"seconds": fitting, "predict_seconds": guessing}


def svm(train, y, test, predicted, places):
    import logging

    import jieba
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.svm import LinearSVC

    jieba.setLogLevel(logging.ERROR)
    jieba.initialize()
    started = time.perf_counter()
    words = TfidfVectorizer(tokenizer=jieba.lcut, token_pattern=None, ngram_range=(1, 2), sublinear_tf=True)
    model = LinearSVC(C=1.0).fit(words.fit_transform(train), y)
    fitted = time.perf_counter()
    for i, label in zip(places, model.predict(words.transform(test)), strict=True):
        predicted[i] = str(label)
    return fitted - started, time.perf_counter() - fitted


def fasttext_chars(train, y, test, predicted, places):
    import tempfile

    import fasttext

    names = sorted(set(y))
    number = {name: i for i, name in enumerate(names)}
    started = time.perf_counter()
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as file:
        file.writelines(f"__label__{number[a]} {' '.join(t)}\n" for a, t in zip(y, train, strict=True))
        file.flush()
        model = fasttext.train_supervised(
            file.name,
            minCount=1,
            thread=2,
            loss="softmax",
            bucket=500_000,
            verbose=0,
            epoch=50,
            lr=1.0,
            wordNgrams=3,
            dim=100,
        )
    fitted = time.perf_counter()
    for i, text in zip(places, test, strict=True):
        # its own predict() fails with numpy 2, the wrapped one does not
        ((_, label),) = model.f.predict(" ".join(text) + "\n", 1, 0.0, "strict")
        predicted[i] = names[int(label[9:])]
    return fitted - started, time.perf_counter() - fitted


if __name__ == "__main__":
    kind, source, target = sys.argv[1:4]
    result = complexity(source, target) if kind == "complexity" else texts(kind, source, target)
    result["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(result))
