"""The rows of a pack. Frozen; unknown keys are refused, so that a slip of the pen is not lost."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Code = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_.-]{0,62}$")]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Standing = Literal["press", "official", "general", "written"]

# what a value resting on such a citation is worth, in the words of the page
STANDINGS: dict[str, tuple[str, str]] = {
    "press": ("一则报道，未核实", "one press report, unverified"),
    "official": ("官方公布，未逐项核实", "published officially, not checked item by item"),
    "general": ("常识推断，未核实", "general knowledge, unverified"),
    "written": ("为演示而写，不作证据", "written for demonstration, no proof"),
}


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Citation(_Model):
    """Where a value of the pack comes from: publisher, title, address, and what that is worth."""

    code: Code
    publisher: Text
    title: Text
    address: str = ""
    standing: Standing
    note: str = ""
    note_en: str = ""

    def standing_text(self, language: str = "zh") -> str:
        return STANDINGS[self.standing][1 if language.lower().startswith("en") else 0]


class Alias(_Model):
    """Another way the name is written. ``damaged`` is a wrong spelling met in a source, kept as the source says it."""

    name: Text
    kind: Literal["short", "full", "former", "damaged", "other"] = "other"
    why: str = ""
    why_en: str = ""
    verified: bool = False
    cite: Code


class Row(_Model):
    """What all rows share: a code stable for ever, the name, and the citation the row rests on."""

    code: Code
    name: Text
    name_en: str = ""
    aliases: tuple[Alias, ...] = ()
    cite: Code
    note: str = ""
    note_en: str = ""

    refers: ClassVar[tuple[tuple[str, str], ...]] = ()

    def cited(self) -> list[tuple[tuple[str | int, ...], str]]:
        """Every citation the row uses, with its path inside the row."""
        aliases = [(("aliases", at, "cite"), alias.cite) for at, alias in enumerate(self.aliases)]
        return [(("cite",), self.cite), *aliases]

    def references(self) -> tuple[tuple[str, str], ...]:
        """(field, table) pairs: the field holds a code, or codes, of that table."""
        return self.refers


class Region(_Model):
    """pack.yaml: who the region is."""

    code: Code
    name: Text
    name_en: Text
    adcode: Annotated[str, StringConstraints(pattern=r"^\d{6}$")]  # GB/T 2260
    above: tuple[Text, ...] = ()  # province, city
    title: Text  # shown beside the brand
    title_en: Text
    time_zone: str = "Asia/Shanghai"


class Place(Row):
    """A carrier (载体) or a town in the tree of places; a parent stands above its children."""

    kind: Literal["region", "zone", "park", "functional_zone", "base", "town", "site"]
    parent: Code | None = None
    level: str = ""  # 国家级, 省级
    role: str = ""  # 飞地园区, …
    role_en: str = ""
    area_m2: float | None = Field(default=None, gt=0)
    area_text: str = ""  # as the source writes it
    focus: tuple[Text, ...] = ()  # industries it hosts, as the source writes them
    adcode: str = ""

    refers: ClassVar[tuple[tuple[str, str], ...]] = (("parent", "places"),)


class Organisation(Row):
    kind: Literal["company", "government", "association", "school", "institute", "other"]
    place: Code | None = None
    uscc: str = ""

    refers: ClassVar[tuple[tuple[str, str], ...]] = (("place", "places"),)


class EventSeries(Row):
    """An event that comes again: how often it was held, in which month."""

    kind: Literal["promotion", "signing", "festival", "forum", "visit", "groundbreaking", "other"]
    place: Code | None = None
    editions_held: int | None = Field(default=None, ge=0)
    month: int | None = Field(default=None, ge=1, le=12)
    next_edition: int | None = Field(default=None, ge=1)

    refers: ClassVar[tuple[tuple[str, str], ...]] = (("place", "places"),)


class Claim(Row):
    """A measured statement about a product, firm or place. ``value`` is the number alone, ``text`` the wording."""

    measure: Literal["market_share", "rank", "output", "capacity", "companies", "talent", "other"]
    product: str = ""
    firms: tuple[Code, ...] = ()
    place: Code | None = None
    value: float | None = None
    unit: str = ""
    bound: Literal["exact", "at_least", "at_most", "about"] = "exact"
    text: Text

    refers: ClassVar[tuple[tuple[str, str], ...]] = (("firms", "organisations"), ("place", "places"))


class PolicyName(Row):
    """A policy known by name only; what it grants lives in policies/ as clauses."""

    kind: Literal["talent", "subsidy", "sector", "patent", "plan", "other"]
    status: Literal["in_force", "drafting", "not_stated"] = "not_stated"


class Instrument(Row):
    """A way to finance: fund, guarantee."""

    kind: Literal["fund", "guarantee", "loan", "other"]


class Corridor(Row):
    """A lasting link between a source city and the region."""

    source: Text
    source_adcode: Annotated[str, StringConstraints(pattern=r"^\d{6}$")]
    region: Code
    pattern: str = ""
    fields: tuple[Text, ...] = ()

    refers: ClassVar[tuple[tuple[str, str], ...]] = (("region", "places"),)


class Department(Row):
    """An office of the region that works with the platform; a parent stands above its children."""

    parent: Code | None = None

    refers: ClassVar[tuple[tuple[str, str], ...]] = (("parent", "departments"),)


class Pack(_Model):
    """A region pack, checked: every code stands once, every reference and citation leads somewhere."""

    folder: Path
    region: Region
    citations: tuple[Citation, ...]
    places: tuple[Place, ...]
    organisations: tuple[Organisation, ...]
    events: tuple[EventSeries, ...]
    claims: tuple[Claim, ...]
    policy_names: tuple[PolicyName, ...]
    instruments: tuple[Instrument, ...]
    corridors: tuple[Corridor, ...]
    departments: tuple[Department, ...]

    def citation(self, code: str) -> Citation:
        return next(c for c in self.citations if c.code == code)

    @property
    def policies_folder(self) -> Path | None:
        return self._folder("policies")

    @property
    def chains_folder(self) -> Path | None:
        return self._folder("chains")

    @property
    def demo_announcement(self) -> Path | None:
        """A text written for demonstration; it never counts as proof."""
        path = self.folder / "demo" / "announcement.txt"
        return path if path.is_file() else None

    def _folder(self, name: str) -> Path | None:
        return self.folder / name if (self.folder / name).is_dir() else None
