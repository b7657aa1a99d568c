"""One peer on the names benchmark, in its own environment: peer.py PEER REGISTRY QUERIES SAMPLE → one JSON line.

The peers answer with their own score; the threshold is the best for F1 on the queries themselves, in their favour.
"""

import csv
import json
import random
import sys
import time
import unicodedata
from pathlib import Path

import numpy as np
import opencc

T2S = opencc.OpenCC("t2s")
SOUND = ("homo1", "homo_zihao", "homo_short", "asr_full", "near_homo")


def norm(text):
    text = T2S.convert(unicodedata.normalize("NFKC", text).replace(" ", ""))
    return text.replace("(", "（").replace(")", "）")


def tfidf(names, analyzer):
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sparse_dot_topn import sp_matmul_topn

    if analyzer == "char":
        vectorizer = TfidfVectorizer(analyzer="char", ngram_range=(1, 2), dtype=np.float32)
    else:
        from pypinyin import lazy_pinyin

        def syllables(text):
            p = [s for c in text for s in lazy_pinyin(c)]
            return [tuple(p[i : i + k]) for k in (1, 2) for i in range(len(p) - k + 1)]

        vectorizer = TfidfVectorizer(analyzer=syllables, dtype=np.float32)
    matrix = vectorizer.fit_transform(names).T.tocsr()

    def ask(queries):
        found = sp_matmul_topn(vectorizer.transform(queries).tocsr(), matrix, top_n=5, sort=True, n_threads=1)
        return [
            [(int(j), float(v)) for j, v in zip(found.indices[a:b], found.data[a:b], strict=True)]
            for a, b in zip(found.indptr, found.indptr[1:], strict=False)
        ]

    return ask


def rapidfuzz(names):
    from rapidfuzz import fuzz, process

    def ask(queries):
        out = []
        for start in range(0, len(queries), 100):
            scores = process.cdist(
                queries[start : start + 100], names, scorer=fuzz.ratio, workers=1, dtype=np.float32
            )
            for row in scores:
                best = np.argpartition(-row, 5)[:5]
                best = best[np.argsort(-row[best], kind="stable")]
                out.append([(int(j), float(row[j])) for j in best])
        return out

    return ask


def tantivy(names):
    import tantivy as tv

    builder = tv.SchemaBuilder()
    builder.add_integer_field("k", stored=True)
    builder.add_text_field("n", tokenizer_name="two")
    schema = builder.build()
    index = tv.Index(schema)
    index.register_tokenizer(
        "two", tv.TextAnalyzerBuilder(tv.Tokenizer.ngram(min_gram=2, max_gram=2, prefix_only=False)).build()
    )
    writer = index.writer(200_000_000, num_threads=1)
    for k, name in enumerate(names):
        writer.add_document(tv.Document(k=k, n=name))
    writer.commit()
    writer.wait_merging_threads()
    index.reload()
    searcher = index.searcher()

    def ask(queries):
        out = []
        for text in queries:
            grams = sorted({text[i : i + 2] for i in range(len(text) - 1)})
            if not grams:
                out.append([])
                continue
            query = tv.Query.boolean_query(
                [(tv.Occur.Should, tv.Query.term_query(schema, "n", g)) for g in grams]
            )
            out.append(
                [(searcher.doc(at)["k"][0], float(score)) for score, at in searcher.search(query, 5).hits]
            )
        return out

    return ask


PEERS = {
    "tfidf-char": lambda names: tfidf(names, "char"),
    "tfidf-pinyin": lambda names: tfidf(names, "pinyin"),
    "rapidfuzz": rapidfuzz,
    "tantivy": tantivy,
}


def main():
    peer, registry, queries, sample = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
    with Path(registry).open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    with Path(queries).open(encoding="utf-8") as file:
        asked = [json.loads(line) for line in file]
    if sample < len(asked):
        asked = random.Random(7).sample(asked, sample)
    ids = [row["id"] for row in rows]
    started = time.process_time()
    ask = PEERS[peer]([norm(row["name"]) for row in rows])
    built = time.process_time() - started
    started = time.process_time()
    answers = ask([norm(q["query"]) for q in asked])
    spent = time.process_time() - started
    wins, fives, scores, by = [], [], [], {}
    for q, answer in zip(asked, answers, strict=True):
        gold = {q["gold"], *q.get("also", ())} - {None}
        wins.append(bool(answer) and ids[answer[0][0]] in gold)
        fives.append(any(ids[a] in gold for a, _ in answer))
        scores.append(answer[0][1] if answer else -1.0)
    wins, fives, scores = np.array(wins), np.array(fives), np.array(scores)
    has = np.array([q["gold"] is not None for q in asked])
    order = np.argsort(-scores, kind="stable")
    right = np.cumsum(wins[order])
    f1 = 2 * right / (np.arange(1, len(order) + 1) + has.sum())
    last = np.append(scores[order][1:] != scores[order][:-1], True)
    best = int(np.argmax(np.where(last, f1, -1)))
    given = scores >= scores[order][best]
    for i, q in enumerate(asked):
        by.setdefault(q["type"], []).append(bool(wins[i]) if q["gold"] else not given[i])
    rate = {kind: float(np.mean(values)) for kind, values in by.items()}
    print(
        json.dumps(
            {
                "f1": float(f1[best]), "r1": float(wins[has].mean()), "r5": float(fives[has].mean()),
                "short": rate.get("short_real"), "sound": float(np.mean([rate[k] for k in SOUND if k in rate])),
                "twins": rate.get("null_twin"), "qps": len(asked) / spent, "build": built, "n": len(asked),
            }
        )
    )  # fmt: skip


main()
