"""The sectors a reading knows, in words; a ledger may also hold a sector as somebody wrote it."""

from __future__ import annotations

from typing import Any

from zhaoyin.desk.words import t

SECTORS: dict[str, Any] = {
    "gold": t("黄金", "Gold"),
    "new_materials": t("新材料", "New materials"),
    "biomedicine_health": t("医药健康", "Biomedicine and health"),
    "electronics": t("电子信息", "Electronics"),
    "equipment": t("装备制造", "Equipment"),
    "energy_environment": t("能源环保", "Energy and environment"),
    "agri_food": t("农业食品", "Agriculture and food"),
    "logistics_trade": t("商贸物流", "Logistics and trade"),
    "culture_tourism": t("文化旅游", "Culture and tourism"),
    "finance": t("金融", "Finance"),
    "digital": t("数字经济", "Digital"),
    "chemicals": t("化工", "Chemicals"),
    "auto": t("汽车", "Automotive"),
    "construction_realestate": t("建筑地产", "Construction and real estate"),
    "education_research": t("教育科研", "Education and research"),
    "other": t("其他", "Other"),
}


def sector_words(code: str) -> str:
    return str(SECTORS.get(code, code))
