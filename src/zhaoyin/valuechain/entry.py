"""Which industries a region is likely to gain: relatedness judged together with size.

Density alone does not beat mere size at city level; their product does. Size is the expected count at the industry
itself and inside its groups (the region's firms in the same 2-digit division spread as the nation spreads them),
summed with equal weight, since firms enter next to their own kind. No weight is fitted.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from zhaoyin.valuechain.complexity import Array, Counts, density, presence, proximity


def expected(counts: Counts, groups: Sequence[Sequence[str]] = ()) -> Array:
    """Regions × industries: x_r x_i / x, plus for every grouping x_r,g x_i / x_g.

    ``groups``: for each grouping the group of every industry, in the order of ``counts.industries``.
    """
    x = counts.matrix.toarray()
    by_region, by_industry = x.sum(1), x.sum(0)
    result: Array = np.outer(by_region, by_industry) / x.sum()
    for grouping in groups:
        _, g = np.unique(np.asarray(grouping, dtype=str), return_inverse=True)
        local = np.zeros((x.shape[0], int(g.max()) + 1))
        np.add.at(local.T, g, x.T)
        total = np.bincount(g, weights=by_industry)
        result += local[:, g] * (by_industry / np.maximum(total[g], 1e-12))
    return result


def entry_scores(counts: Counts, groups: Sequence[Sequence[str]] = (), *, present_at: float = 0.0) -> Array:
    """Regions × industries: expected size × density, comparable inside one table; higher is likelier. NaN: unknown."""
    m = presence(counts.matrix, present_at=present_at)
    return expected(counts, groups) * density(m, proximity(m))
