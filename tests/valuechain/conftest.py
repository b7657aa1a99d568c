from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_matrix

import zhaoyin
from zhaoyin.valuechain import Chain, Counts

GOLD = Path(zhaoyin.__file__).parent / "packs" / "zhaoyuan" / "chains" / "gold"
HOME = "370685"


@pytest.fixture(scope="session")
def gold() -> Chain:
    return Chain.load(GOLD)


@pytest.fixture(scope="session")
def counts(gold) -> Counts:
    """Sixty made regions over the codes of the gold chain and thirty others; the home region is strong in mining."""
    rng = np.random.default_rng(5)
    codes = sorted({c.code for c in gold.codes} | {f"{10 + i}11" for i in range(30)})
    x = rng.poisson(3, (60, len(codes))).astype(float)
    regions = [f"{110000 + i}" for i in range(60)]
    regions[30] = HOME
    at = {c: i for i, c in enumerate(codes)}
    x[30, at["0921"]] = 60  # strong
    x[30, at["3221"]] = 12
    x[30, at["3253"]] = 0  # missing, smelting beside it is there
    x[30, at["5146"]] = x[30, at["5245"]] = 0
    x[30, at["2438"]] = 1
    x[:, at["2438"]] += 8  # the nation makes far more jewellery
    x[30, at["2438"]] = 1
    x[:, at["7861"]] += 1
    x[30, at["7861"]] = x[30, at["7869"]] = 0  # nobody in tourism, next to a strength
    x[7] = 0
    x[7, 3] = 3  # a region of three firms
    return Counts(tuple(regions), tuple(codes), csr_matrix(x), synthetic=True)
