"""Boosted trees as flat arrays: fitted with LightGBM, evaluated by a compiled loop (no LightGBM when resolving)."""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

njit: Any = numba.njit(cache=True, nogil=True)


class Trees(NamedTuple):
    """``roots``: first node of each tree. A node with ``feature`` < 0 is a leaf of value ``threshold``; else x[feature]
    <= threshold goes to ``left``, otherwise to ``right``."""

    roots: npt.NDArray[np.int32]
    feature: npt.NDArray[np.int16]
    threshold: npt.NDArray[np.float32]
    left: npt.NDArray[np.int32]
    right: npt.NDArray[np.int32]


@njit
def predict(trees, rows):
    """Raw score of each row (N x F)."""
    out = np.zeros(len(rows), np.float32)
    for i in range(len(rows)):
        total = np.float32(0.0)
        for root in trees.roots:
            node = root
            while trees.feature[node] >= 0:
                node = (
                    trees.left[node]
                    if rows[i, trees.feature[node]] <= trees.threshold[node]
                    else trees.right[node]
                )
            total += trees.threshold[node]
        out[i] = total
    return out


def _at_most(value: float) -> float:
    """The largest float32 not above ``value``: for float32 x, x <= value exactly when x <= that."""
    near = np.float32(value)
    return float(near if float(near) <= value else np.nextafter(near, np.float32(-np.inf)))


def flatten(booster: Any) -> Trees:
    """The arrays of a fitted ``lightgbm.Booster``."""
    roots: list[int] = []
    feature: list[int] = []
    threshold: list[float] = []
    left: list[int] = []
    right: list[int] = []

    def add(node: dict[str, Any]) -> int:
        here = len(feature)
        feature.append(-1)
        threshold.append(float(node.get("leaf_value", 0.0)))
        left.append(-1)
        right.append(-1)
        if "split_feature" in node:
            feature[here] = int(node["split_feature"])
            threshold[here] = _at_most(float(node["threshold"]))
            left[here] = add(node["left_child"])
            right[here] = add(node["right_child"])
        return here

    for tree in booster.dump_model()["tree_info"]:
        roots.append(add(tree["tree_structure"]))
    return Trees(
        np.array(roots, np.int32),
        np.array(feature, np.int16),
        np.array(threshold, np.float32),
        np.array(left, np.int32),
        np.array(right, np.int32),
    )
