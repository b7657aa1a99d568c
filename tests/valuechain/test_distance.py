import pytest

from zhaoyin.base.errors import Refusal
from zhaoyin.valuechain import CodeTable, distance
from zhaoyin.valuechain.distance import great_circle

HOME = "370685"


@pytest.mark.parametrize(
    ("other", "low", "high", "basis"),
    [
        ("370685", 0, 0, "同一地区"),
        ("370683", 60, 60, "同一地级市"),
        ("370102", 250, 250, "同省"),
        ("440303", 1500, 1600, "省会"),
        ("11", 350, 400, "省会"),
    ],
)
def test_without_centroids_the_code_says_how_far(other, low, high, basis):
    found = distance(HOME, other)
    assert low <= found.km <= high and basis in found.basis[0]


def test_centroids_come_first_and_a_prefecture_stands_for_its_counties():
    table = {HOME: (37.36, 120.40), "440300": (22.54, 114.06)}
    found = distance(HOME, "440303", table)
    assert found.km == pytest.approx(great_circle(table[HOME], table["440300"])) and "坐标" in found.basis[0]
    assert 1700 < found.km < 1800


def test_a_code_of_no_province_is_unknown():
    assert distance(HOME, "900001") is None


def test_a_table_of_regions_keeps_its_places(tmp_path):
    file = tmp_path / "gb2260.csv"
    file.write_text("code,name,纬度,经度\n370685,招远市,37.36,120.40\n440303,罗湖区,,\n", encoding="utf-8")
    CodeTable.load(file, "GB/T 2260").save(CodeTable.file_in(tmp_path, "GB/T 2260"))
    kept = CodeTable.kept_in(tmp_path, "GB/T 2260")
    assert kept.places == {"370685": (37.36, 120.40)} and len(kept) == 2
    assert CodeTable.kept_in(tmp_path) is None


def test_a_place_that_is_nowhere_is_refused_with_its_line(tmp_path):
    file = tmp_path / "bad.csv"
    file.write_text("code,name,lat,lon\n370685,招远市,137.36,120.40\n", encoding="utf-8")
    with pytest.raises(Refusal) as caught:
        CodeTable.load(file, "GB/T 2260")
    assert "第 2 行" in caught.value.zh
