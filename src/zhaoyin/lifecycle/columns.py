"""The same derivation for a whole ledger at once, on columns."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from zhaoyin.lifecycle.rules import Rules
from zhaoyin.lifecycle.state import default


def stages_many(
    project_ids: npt.NDArray[np.int64],
    tracks: npt.NDArray[np.int8],
    milestone_project: npt.NDArray[np.int64],
    milestone_code: npt.NDArray[np.int8],
    rules: Rules | None = None,
) -> npt.NDArray[np.int8]:
    """The stage of every project, as an index into ``rules.stages``.

    ``project_ids`` ascending and unique, shape (n,); ``tracks`` (n,) indexes ``rules.tracks``. ``milestone_project``
    and ``milestone_code`` (m,) are the *counted* (verified or locked) milestones, any order; codes index
    ``rules.milestones``. Milestones of unknown projects are ignored. O(n + m), about 30 bytes a project.
    """
    rules = rules or default()
    codes = rules.milestones
    done = np.zeros((len(project_ids), len(codes)), dtype=bool)
    if len(project_ids):
        row = np.minimum(np.searchsorted(project_ids, milestone_project), len(project_ids) - 1)
        known = project_ids[row] == milestone_project
        done[row[known], milestone_code[known]] = True
    stage_index = {code: i for i, code in enumerate(rules.stages)}
    result = np.zeros(len(project_ids), dtype=np.int8)
    for index, track in enumerate(rules.tracks.values()):
        mine = np.flatnonzero(tracks == index)
        order = np.array([codes.index(code) for code in track.milestones])
        prefix = np.logical_and.accumulate(done[np.ix_(mine, order)], axis=1).sum(axis=1)
        by_length = np.array(
            [0] + [stage_index[rules.gates[code].stage] for code in track.milestones], dtype=np.int8
        )
        result[mine] = by_length[prefix]
    return result
