"""Region × industry arithmetic: location quotient, proximity, density, complexity, variety, concentration.

Sizes x_ri (firms, employees or capital; the caller says which) come as a sparse matrix, regions in rows. Cells that
are absent are zero firms; a figure that cannot be known is NaN (a None in rows), with a reason, never 0.

Sources: RCA / LQ Balassa 1965, Florence 1939; proximity and density Hidalgo, Klinger, Barabási, Hausmann 2007
(density here leaves out i = j, or it would restate presence); ECI / PCI Hidalgo & Hausmann 2009; related variety
Frenken, Van Oort, Verburg 2007; effective number of suppliers 1/HHI, Herfindahl 1950.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csc_matrix, csr_matrix, diags
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh
from scipy.special import gammaincinv

from zhaoyin.base.errors import Refusal

Array = npt.NDArray[np.float64]

SHRINK = 50.0  # k of the shrunk LQ: a region of k firms moves half way to the national mix
PRESENT_AT = 3.0  # a cell below this is no strength: one firm is noise
REGION_FLOOR = 30.0  # below this many firms a region's quotients say nothing


@dataclass(frozen=True)
class Counts:
    """Sizes by region and industry. ``matrix`` is regions × industries, float64; ``measure`` names the unit."""

    regions: tuple[str, ...]
    industries: tuple[str, ...]
    matrix: csr_matrix
    measure: str = "firms"
    synthetic: bool = False
    as_of: str = ""

    @classmethod
    def of(
        cls,
        regions: Sequence[str],
        industries: Sequence[str],
        values: Sequence[float],
        **about: Any,
    ) -> Counts:
        """From three columns of equal length; repeated pairs add up. Refuses negative or missing sizes."""
        r_codes, r_names = _factorize(regions)
        i_codes, i_names = _factorize(industries)
        sizes = np.asarray(values, dtype=np.float64)
        bad = np.flatnonzero(~np.isfinite(sizes) | (sizes < 0))
        if bad.size:
            row = int(bad[0]) + 1
            raise Refusal(
                "counts.value",
                f"第 {row} 行的数量不是非负数（共 {bad.size} 行），改正后再载入。",
                f"The size in row {row} is not a number of 0 or more ({bad.size} rows); mend it and load again.",
                where=str(row),
            )
        matrix = csr_matrix((sizes, (r_codes, i_codes)), shape=(len(r_names), len(i_names)))
        matrix.sum_duplicates()
        matrix.eliminate_zeros()
        return cls(tuple(r_names), tuple(i_names), matrix, **about)

    @classmethod
    def load(cls, path: str | Path, **about: Any) -> Counts:
        """A .csv or .parquet with the columns region, industry (or code) and firms (or n, value)."""
        import pandas as pd

        file = Path(path)
        if not file.is_file():
            raise Refusal("counts.absent", f"没有文件 {file}。", f"There is no file {file}.", where=str(file))
        try:
            if file.suffix == ".parquet":
                frame = pd.read_parquet(file)
            else:
                frame = pd.read_csv(file, dtype=str, encoding="utf-8-sig")
        except (ValueError, OSError) as error:
            raise Refusal(
                "counts.unreadable",
                f"{file.name} 读不出来（{str(error).splitlines()[0]}）。用 UTF-8 的 CSV 或 Parquet。",
                f"{file.name} cannot be read ({str(error).splitlines()[0]}). Use a CSV in UTF-8, or Parquet.",
                where=str(file),
            ) from error
        names = {c.lower(): c for c in frame.columns}
        found = [
            next((names[c] for c in choice if c in names), None)
            for choice in (
                ("region", "region_code", "地区"),
                ("industry", "code", "industry_code", "行业"),
                ("firms", "n", "count", "value", "企业数"),
            )
        ]
        if None in found:
            raise Refusal(
                "counts.columns",
                f"{file.name} 要有 region、industry、firms 三列，现在是：{'、'.join(map(str, frame.columns))}。",
                f"{file.name} needs the columns region, industry and firms; it has: {', '.join(map(str, frame.columns))}.",
                where=str(file),
            )
        region, industry, value = found
        return cls.of(
            frame[region].astype(str).tolist(),
            frame[industry].astype(str).tolist(),
            pd.to_numeric(frame[value], errors="coerce").to_numpy(dtype=float),  # type: ignore[arg-type]
            **about,
        )

    @classmethod
    def of_table(
        cls, columns: Mapping[str, Sequence[Any]], *, region_digits: int = 6, **about: Any
    ) -> Counts:
        """From a universe's count_by("region:6", "industry:4"): two key columns, then ``firms``.

        Firms whose region is known more coarsely than ``region_digits``, or whose industry is not known, are left out:
        they stand in no county and no trade.
        """
        region, industry, firms = [*list(columns)[:2], "firms"]
        rows = [
            (str(r), str(i), float(n))
            for r, i, n in zip(columns[region], columns[industry], columns[firms], strict=True)
            if i and r and len(str(r)) == region_digits
        ]
        return cls.of([r for r, _, _ in rows], [i for _, i, _ in rows], [n for _, _, n in rows], **about)

    @cached_property
    def region_index(self) -> dict[str, int]:
        return {r: i for i, r in enumerate(self.regions)}

    @cached_property
    def industry_index(self) -> dict[str, int]:
        return {c: i for i, c in enumerate(self.industries)}

    def region(self, code: str) -> int:
        if code not in self.region_index:
            raise Refusal(
                "counts.no_region",
                f"载入的企业库里没有地区 {code}。载入含这个地区的数据，或换一个代码。",
                f"The loaded universe has no region {code}. Load data that holds it, or give another code.",
                where=code,
            )
        return self.region_index[code]


def _factorize(values: Sequence[str]) -> tuple[npt.NDArray[np.int64], list[str]]:
    names, codes = np.unique(np.asarray(values, dtype=str), return_inverse=True)
    return codes.astype(np.int64), [str(n) for n in names]


# ---- quotients ---------------------------------------------------------------------------------------------------


def rca(x: csr_matrix) -> csr_matrix:
    """(x_ri / x_r) / (x_i / x), sparse: a cell without firms stays absent."""
    x = x.tocsr()
    by_region = np.asarray(x.sum(1)).ravel()
    by_industry = np.asarray(x.sum(0)).ravel()
    rows = np.repeat(np.arange(x.shape[0]), np.diff(x.indptr))
    data = (x.data / by_region[rows]) / (by_industry[x.indices] / by_industry.sum())
    return csr_matrix((data, x.indices, x.indptr), shape=x.shape)


def shrunk_lq(x: Array, total: Array | float, share: Array | float, k: float = SHRINK) -> Array:
    """((x_ri + k p_i) / (x_r + k)) / p_i; NaN where p_i is 0 (nobody anywhere does it)."""
    p = np.asarray(share, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        lq: Array = ((x + k * p) / (np.asarray(total, dtype=float) + k)) / np.where(p > 0, p, np.nan)
    return lq


def poisson_interval(x: Array | float, level: float = 0.95) -> tuple[Array, Array]:
    """The exact (Garwood) interval of a Poisson count; also for fractional sizes."""
    size = np.asarray(x, dtype=float)
    tail = (1 - level) / 2
    some = size > 1e-9
    low = np.where(some, gammaincinv(np.where(some, size, 1.0), tail), 0.0)
    high = gammaincinv(size + 1.0, 1 - tail)
    return np.asarray(low), np.asarray(high)


# ---- the space of industries -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Complexity:
    """Everything derived from who does what where. Shapes: R regions, I industries.

    ``m`` presence (sparse 0/1), ``proximity`` I × I with an empty diagonal unless ``include_self``, ``density`` R × I,
    ``eci`` R, ``pci`` I (NaN where withheld). ``withheld`` says why ECI and PCI are NaN: (zh, en), or None.
    """

    rca: csr_matrix
    m: csr_matrix
    diversity: Array
    ubiquity: Array
    proximity: Array
    density: Array
    eci: Array
    pci: Array
    second_eigenvalue: float | None = None
    withheld: tuple[str, str] | None = None
    reliability: float | None = None
    notes: tuple[str, ...] = field(default=())


def presence(
    x: csr_matrix, *, rca_at: float = 1.0, present_at: float = 0.0, quotients: csr_matrix | None = None
) -> csr_matrix:
    """M = [RCA >= rca_at and x >= present_at] as a sparse 0/1 matrix."""
    x = x.tocsr()
    q = rca(x) if quotients is None else quotients
    keep = (q.data >= rca_at) & (x.data >= present_at) & (x.data > 0)
    kept_before = np.concatenate([[0], np.cumsum(keep)])
    return csr_matrix(
        (np.ones(int(keep.sum())), q.indices[keep], kept_before[q.indptr].astype(q.indptr.dtype)),
        shape=x.shape,
    )


def co_occurrence(m: csr_matrix) -> Array:
    """C = M'M: in how many regions two industries stand together."""
    rows, columns = m.shape
    if m.nnz > 0.02 * rows * columns and rows * columns < 60_000_000:
        # float32 products of 0/1 are exact below 2**24 and BLAS beats the sparse product at this fill
        dense = m.astype(np.float32).toarray()
        return np.asarray(dense.T @ dense, dtype=np.float64)
    return np.asarray((m.T @ m).toarray(), dtype=np.float64)


def proximity(m: csr_matrix, *, include_self: bool = False) -> Array:
    """phi_ij = C_ij / max(k_i, k_j), the smaller conditional probability; the diagonal is 0 unless asked for."""
    c = co_occurrence(m)
    k = np.asarray(m.sum(0)).ravel()
    c /= np.maximum(np.maximum(k[:, None], k[None, :]), 1.0)
    if not include_self:
        np.fill_diagonal(c, 0.0)
    return c


def density(m: csr_matrix, phi: Array) -> Array:
    """w_rj = sum_i M_ri phi_ij / sum_i phi_ij; NaN for an industry related to nothing."""
    total = phi.sum(0)
    scaled = phi / np.where(total > 0, total, np.nan)
    w: Array = np.empty((m.shape[0], phi.shape[1]))
    for at in range(
        0, phi.shape[1], 128
    ):  # a block of columns stays in the cache: a third faster than at once
        w[:, at : at + 128] = m @ np.ascontiguousarray(scaled[:, at : at + 128])
    return w


def eci_pci(m: csr_matrix) -> tuple[Array, Array, float | None, int]:
    """(ECI, PCI, second eigenvalue, connected parts), raw: z-scored over regions, population deviation.

    The second eigenvector of D^-1 M U^-1 M', from the symmetric S'S with S = D^-1/2 M U^-1/2. Its first eigenvector is
    known (sqrt of ubiquity, eigenvalue 1), so it is taken out and one eigenvector is asked for. NaN for empty rows and
    columns. The sign makes ECI rise with diversity.
    """
    rows, columns = m.shape
    eci, pci = np.full(rows, np.nan), np.full(columns, np.nan)
    d, u = np.asarray(m.sum(1)).ravel(), np.asarray(m.sum(0)).ravel()
    r, c = d > 0, u > 0
    if r.sum() < 3 or c.sum() < 3:
        return eci, pci, None, 0
    kept = m[r][:, c].tocsr() if not (r.all() and c.all()) else m
    d, u = d[r], u[c]
    parts = _parts(kept)
    s = (diags(1 / np.sqrt(d)) @ kept @ diags(1 / np.sqrt(u))).tocsr()
    st = s.T.tocsr()
    first = np.sqrt(u) / np.sqrt(u.sum())

    def product(v: Array) -> Array:
        v = np.asarray(v).ravel()
        w: Array = st @ (s @ v) - first * (first @ v)
        return w

    n = kept.shape[1]
    start = np.linspace(-1, 1, n) + 0.01 * first
    try:
        value, vector = eigsh(
            LinearOperator((n, n), matvec=product, dtype=np.float64), k=1, which="LA", v0=start
        )
    except ArpackNoConvergence:
        return eci, pci, None, parts
    kp = vector[:, 0] / np.sqrt(u)
    kc = (kept @ kp) / d
    spread = kc.std()
    if not spread > 1e-12:
        return eci, pci, float(value[0]), parts
    if np.std(d) > 0 and np.corrcoef(d, kc)[0, 1] < 0:
        kc, kp = -kc, -kp
    eci[r] = (kc - kc.mean()) / spread
    pci[c] = (kp - kc.mean()) / spread
    return eci, pci, float(value[0]), parts


def _parts(m: csr_matrix) -> int:
    rows, columns = m.shape
    coo = m.tocoo()
    graph = csr_matrix((np.ones(m.nnz), (coo.row, coo.col + rows)), shape=(rows + columns,) * 2)
    return int(connected_components(graph, directed=False)[0])


def split_half(
    x: csr_matrix, *, rca_at: float = 1.0, present_at: float = 0.0, repeats: int = 3, seed: int = 7
) -> float | None:
    """Mean rank correlation of ECI between random halves of the firms; None when a half has no ECI.

    Sizes must be counts of firms: each firm falls to one half or the other.
    """

    rng = np.random.default_rng(seed)
    counts = np.floor(x.data + 0.5).astype(np.int64)
    found: list[float] = []
    for _ in range(repeats):
        left = rng.binomial(counts, 0.5).astype(np.float64)
        eci: list[Array] = []
        for part in (left, counts - left):
            half = csr_matrix(
                (part, x.indices, x.indptr), shape=x.shape, copy=True
            )  # zeros are dropped in place
            half.eliminate_zeros()
            values, _, second, parts = eci_pci(presence(half, rca_at=rca_at, present_at=present_at))
            if parts != 1 or second is None:
                return None
            eci.append(values)
        both = np.isfinite(eci[0]) & np.isfinite(eci[1])
        if both.sum() < 3:
            return None
        found.append(float(np.corrcoef(rankdata(eci[0][both]), rankdata(eci[1][both]))[0, 1]))
    return float(np.mean(found))


def rankdata(values: Array) -> Array:
    """Ranks from 1, equal values sharing the mean of theirs. (scipy.stats has it too, and takes a second to import.)"""
    _, at, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: Array = (last - (counts - 1) / 2)[at]
    return ranks


def complexity(
    counts: Counts | csr_matrix,
    *,
    rca_at: float = 1.0,
    present_at: float = PRESENT_AT,
    region_floor: float = REGION_FLOOR,
    include_self: bool = False,
    check_halves: bool = True,
    halves_at: float = 0.8,
) -> Complexity:
    """RCA, presence, proximity, density, ECI and PCI in one pass.

    Guards: regions under ``region_floor`` take no part in presence (their row of density is NaN); ECI and PCI are
    withheld when the graph falls apart (second eigenvalue >= 0.999) or, with ``check_halves``, when two random halves
    of the firms do not agree on ECI (rank correlation under ``halves_at``).
    """
    x = (counts.matrix if isinstance(counts, Counts) else counts).tocsr()
    small = np.asarray(x.sum(1)).ravel() < region_floor
    quotients = rca(x)
    if small.any():
        kept = csr_matrix(diags((~small).astype(float)) @ x)
        kept.eliminate_zeros()
        m = presence(kept, rca_at=rca_at, present_at=present_at)
    else:
        kept = x
        m = presence(x, rca_at=rca_at, present_at=present_at, quotients=quotients)
    phi = proximity(m, include_self=include_self)
    w = density(m, phi)
    w[small] = np.nan
    eci, pci, second, parts = eci_pci(m)
    withheld: tuple[str, str] | None = None
    reliability: float | None = None
    if second is None:
        withheld = (
            f"够大的地区只有 {int((~small).sum())} 个，算不出复杂度",
            f"only {int((~small).sum())} regions are large enough, too few for complexity",
        )
    elif parts > 1 or second >= 0.999:
        withheld = (
            f"地区与行业分成 {parts} 块互不相连，复杂度没有意义",
            f"regions and industries fall into {parts} parts that do not touch, so complexity means nothing",
        )
    elif check_halves:
        reliability = split_half(kept, rca_at=rca_at, present_at=present_at)
        if reliability is None or reliability < halves_at:
            shown = "—" if reliability is None else f"{reliability:.2f}"
            withheld = (
                f"随机分成两半的企业算出的排序不一致（{shown}，要 ≥ {halves_at}），不发布",
                f"two random halves of the firms disagree on the order ({shown}, needs ≥ {halves_at}), so it is withheld",
            )
    if withheld:
        eci, pci = np.full_like(eci, np.nan), np.full_like(pci, np.nan)
    return Complexity(
        quotients,
        m,
        np.asarray(m.sum(1)).ravel(),
        np.asarray(m.sum(0)).ravel(),
        phi,
        w,
        eci,
        pci,
        second,
        withheld,
        reliability,
    )


# ---- variety and concentration -----------------------------------------------------------------------------------


def related_variety(counts: Counts, digits: int = 2) -> tuple[Array, Array]:
    """(related, unrelated) variety of each region in bits: entropy inside and between groups of ``digits`` digits.

    NaN for a region without firms.
    """
    x = counts.matrix
    groups, group_names = _factorize([c[:digits] for c in counts.industries])
    to_group = csc_matrix(
        (np.ones(len(groups)), (np.arange(len(groups)), groups)), shape=(len(groups), len(group_names))
    )
    total = np.asarray(x.sum(1)).ravel()

    def entropy(matrix: csr_matrix) -> Array:
        matrix = matrix.tocsr()
        rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
        p = matrix.data / total[rows]
        return np.asarray(np.bincount(rows, weights=-p * np.log2(p), minlength=matrix.shape[0]), dtype=float)

    unrelated = entropy(csr_matrix(x @ to_group))
    related = entropy(x) - unrelated
    empty = total <= 0
    related[empty], unrelated[empty] = np.nan, np.nan
    return np.maximum(related, 0.0, where=~empty, out=related), unrelated


@dataclass(frozen=True, slots=True)
class Concentration:
    """``n_eff`` = 1/HHI effective suppliers, ``top`` the largest share; None with ``unknown`` sizes saying why."""

    firms: int
    hhi: float | None
    n_eff: float | None
    top: float | None
    unknown: int = 0


def concentration(sizes: Sequence[float | None]) -> Concentration:
    """Of one segment's firms in one region, by employees or capital. A firm without a size is counted as unknown.

    None unless at least half the firms have a size: a share among the known few would mislead.
    """
    known = np.asarray([s for s in sizes if s is not None and np.isfinite(s) and s > 0], dtype=float)
    unknown = len(sizes) - known.size
    if known.size == 0 or unknown > known.size:
        return Concentration(len(sizes), None, None, None, unknown)
    share = known / known.sum()
    hhi = float((share**2).sum())
    return Concentration(len(sizes), hhi, 1 / hhi, float(share.max()), unknown)
