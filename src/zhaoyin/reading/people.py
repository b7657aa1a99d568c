"""People with their titles: a post followed by a name, a name in a list of posts."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable

from zhaoyin.reading.draft import Draft
from zhaoyin.reading.lexicon import surnames, trie, words
from zhaoyin.reading.scan import HAN, Mention, Scan

_SPACE = re.compile(r"[ 　]{0,3}(?:[（(][^（）()\n]{1,12}[）)])?[：: ]?[ “]{0,2}")
_FOREIGN_NAME = re.compile(rf"[{HAN}]{{1,8}}(?:·[{HAN}]{{1,8}}){{1,3}}")
_HEAD_LEFT = re.compile(
    r"(?:[\u4e00-\u9fff]{2,12}?(?:省|市|县|区|州|旗|盟|镇|乡|街道|开发区|高新区|经开区|新区|园区|管委会|委|集团)|[省市县区州旗镇乡])?"
    r"(?:党工委|党委|党组|工委|工作委员会|纪委|市委|县委|区委|州委|旗委|省委|人大|政府|人民政府)?$"
)
_ADMIN_LEFT = re.compile(
    r"(?:侨办|台办|外办|文联|管委会|管理委员会|街道办|办公室|董事会|统战部|组织部|宣传部|政法委|政研室|公安局|总商会|党工委|党委|党组|工委|纪工委|纪委|省委|市委|县委|区委|州委|旗委|镇委|乡党委|人大|政协|政府)$"
)
_WORD_LEFT = re.compile(r"[\u4e00-\u9fffA-Za-z0-9“”（）()·&-]{1,26}$")
_CHAIN = re.compile(r"[、，兼及和 ]$")


@functools.cache
def _titles() -> re.Pattern[str]:
    table = words()["title"]
    before = trie(table["before"])
    posts = trie([*table["posts"], *table["heads"]])
    return re.compile(
        f"(?P<post>(?:{before})*(?:{posts})(?:兼(?:{before})*(?:{posts}))?)|(?P<role>{trie(table['roles'])})"
    )


@functools.cache
def _after() -> re.Pattern[str]:
    return re.compile(trie(words()["title"]["after"]))


_NOT_GIVEN = frozenset("的了是在与和及等、，。；：！？（）()《》“”\"' \n\t0-9某们")
_NAME_CHARS = re.compile(rf"[{HAN}]+")
_NOT_NAMES = frozenset(words()["title"]["not_names"])


def name_at(scan: Scan, at: int, known: frozenset[str]) -> int | None:
    """The end of the name of a person that begins at ``at``; None when none does."""
    text = scan.text
    run = _NAME_CHARS.match(text, at, at + 8)
    if run is None or any(org.start == at for org in scan.orgs_in(at, at + 40)):
        return None
    foreign = _FOREIGN_NAME.match(text, at)
    if foreign:
        said = _SAID.search(foreign[0])
        return at + said.start() if said else foreign.end()
    single, double = surnames()
    chars = run[0]
    base = 2 if chars[:2] in double and len(chars) > 2 else 1 if chars[0] in single else 0
    if base == 0 or len(chars) < base + 1 or chars[:2] in _NOT_NAMES:
        return None
    for length in (base + 2, base + 1):
        if chars[:length] in known:
            return at + length
    if (
        chars[base] in _NOT_GIVEN
        or chars[base : base + 2] in {"先生", "女士", "小姐", "某某", "经理", "总经"}
        or chars[base] in "某总董老"
    ):
        return None
    two, three = base + 1, base + 2
    if len(chars) < three:
        return at + two
    rest = chars[two:]
    follow = _after().match(rest)
    long_follow = _after().match(chars[three:]) if len(chars) > three else None
    if follow and len(follow[0]) >= 2:
        return at + two
    if follow and not long_follow and len(chars) > three:
        return at + two
    if follow and rest[0] in "在说和与及率用就对向将的也还是等为从称被把给让":
        # 袁志在致辞 against 王在林说: the third letter is a word of its own unless a word follows after it.
        if not (long_follow and rest[0] in "和用为从向就率将") and len(chars) != three:
            return at + two
        if len(chars) == three and rest[0] in "的说等":
            return at + two
    return at + three


def people(scan: Scan) -> list[Draft]:
    text = scan.text
    found: list[Draft] = []
    known: set[str] = set()
    last: Draft | None = None
    for match in _titles().finditer(text):
        if scan.hidden(match.start()):
            continue
        gap = _SPACE.match(text, match.end())
        begin = gap.end() if gap else match.end()
        between = text[match.end() : begin]
        if "\n" in between or (text[match.end() - 2 : match.end()] in _NEVER):
            continue
        stop = name_at(scan, begin, frozenset(known))
        if stop is None:
            continue
        if between and between != " " and not between.endswith(("）", ")", "：", ":", "“", " ")):
            continue
        if _OTHER.match(text, stop) or (match["role"] and not _plausible(text, begin, stop)):
            continue
        name = text[begin:stop]
        draft = Draft("person", match.start(), stop)
        known.add(name)
        if match["role"]:
            left = _ROLE_LEFT.search(text, max(0, match.start() - 12), match.start())
            start = left.start() if left else match.start()
            draft.put("name", scan.quote(begin, stop), (begin, stop))
            draft.put("title", scan.quote(start, match.end()).strip("“”"), (start, match.end()))
            draft.start = start
            draft.signals["role"] = 1.0
            found.append(draft)
            last = draft
            if match["role"].endswith("领导"):
                found += _roll(scan, draft, match.start(), match.end(), stop, known)
            continue
        _titled(scan, draft, (match.start(), match.end()), (begin, stop), last)
        found.append(draft)
        last = draft
    return _merge(found, scan)


def _roll(scan: Scan, first: Draft, start: int, end: int, at: int, known: set[str]) -> list[Draft]:
    """县领导王波、覃国锋、李家锦出席: the post holds for the whole list."""
    out = []
    while (mark := re.compile(r"、[ 　]*").match(scan.text, at)) is not None:
        stop = name_at(scan, mark.end(), frozenset(known))
        if stop is None:
            break
        draft = Draft("person", start, stop, signals={"role": 1.0})
        draft.put("name", scan.quote(mark.end(), stop), (mark.end(), stop))
        draft.put("title", first.fields.get("title"), (start, end))
        out.append(draft)
        at = stop
    return out


_SAID = re.compile(r"(?:说|表示|介绍|告诉|认为|指出|在|向|对|称|和)[\u4e00-\u9fff]*$")
_NEVER = frozenset(["记者", "作者", "编辑"])
_OTHER = re.compile(r"(?:先生|女士|小姐)|[市县区镇乡省]|\d")
_ROLE_LEFT = re.compile(
    r"(?:“?[0-9一二三四五六七八九]{1,2}0?后”?|返乡|机电|返乡“?|种植|养殖|脱贫|知名|青年|农民)+(?=$)"
)


def _plausible(text: str, begin: int, stop: int) -> bool:
    """A role is followed by all sorts of words: only a name that ends a phrase or meets a verb counts."""
    after = text[stop : stop + 2]
    return stop - begin >= 2 and (
        not after or after[0] in "，。、；：（(“\n" or bool(_after().match(after)) or stop - begin == 3
    )


def _titled(
    scan: Scan, draft: Draft, title_at: tuple[int, int], name_at: tuple[int, int], last: Draft | None
) -> None:
    """Fill name, title and organisation of one person from what stands left of the post."""
    text = scan.text
    (post, post_end), (begin, stop) = title_at, name_at
    draft.put("name", scan.quote(begin, stop), (begin, stop))
    start = post
    org: Mention | None = None
    parts = 0
    head = _is_head(text[post:post_end])
    while True:
        here = scan.org_ending(start)
        left = start
        if here is not None:
            org = org or here
            left = here.start
        else:
            line = scan.line_of(start)[0]
            window = max(line, start - 24)
            place = next((p for p in reversed(scan.places_in(window, start)) if p.end == start), None)
            admin = _ADMIN_LEFT.search(text, window, start)
            if admin:
                left = admin.start()
                if (
                    left - 1 >= window
                    and text[left - 1] in "省市县区州旗"
                    and admin[0][0] not in "省市县区州旗镇"
                ):
                    left -= 1
                zone = _ZONE_LEFT.search(text, window, left)
                if zone:
                    left = zone.start()
                left = _place_before(scan, left, window)
            elif place is not None:
                left = place.start
            elif (
                start - 1 >= window
                and text[start - 1] in "省市县区州旗镇乡"
                and (start - 2 < window or not "\u4e00" <= text[start - 2] <= "\u9fff")
            ):
                left = start - 1
            else:
                zone = _ZONE_LEFT.search(text, window, start)
                county = _COUNTY_LEFT.search(text, window, start)
                town = _TOWN_LEFT.search(text, window, start)
                if zone:
                    left = zone.start()
                elif county and head:
                    left = county.start(1)
                elif town and head:
                    left = town.start()
        parts += 1
        # Another post before this one belongs to the same person.
        before = _POST_LEFT.search(text, max(0, left - 18), left)
        piece = _titles_end(text, before.start(1), before.end(1)) if before else None
        if piece is not None and before is not None and not before[1].endswith("代表"):
            start = piece
            continue
        start = left
        break
    while start < post and text[start] in " 、，":
        start += 1
    if org is None and parts == 1 and start == post:
        # 颐景集团董事局主席陈沛霖、执行总裁汪凯: the organisation carries over.
        if (
            not head
            and last is not None
            and last.end <= post
            and text[last.end : post] in {"、", "和", "，", "及"}
            and "org" in last.fields
        ):
            draft.put("org", last.fields["org"], *last.spans["org"])
            draft.put("title", scan.quote(post, post_end), (post, post_end))
            draft.cover(last.start, stop)
            return
        back = _OWN.search(text, max(0, post - 8), post)
        if back:
            owner = next(
                (
                    o
                    for o in reversed(scan.orgs_in(max(0, post - 400), post))
                    if o.kind in {"company", "association"}
                ),
                None,
            )
            if owner is not None:
                draft.put("org", scan.quote(owner.start, owner.end), (owner.start, owner.end))
    draft.start = start
    if (
        org is not None
        and parts == 1
        and not (head and org.kind == "government" and (_PARTY.search(org.text) or org.text.endswith("政府")))
    ):
        title = (org.end, post_end)
        draft.put("org", scan.quote(org.start, org.end), (org.start, org.end))
    elif org is not None and parts > 1:
        title = (start, post_end)
        if (
            not _PARTY.search(org.text)
            and not text[start : org.start].rstrip("、，").endswith(("常委", "委员"))
        ) or (org.kind == "government" and org.text.endswith("办公室")):
            draft.put("org", scan.quote(org.start, org.end), (org.start, org.end))
    else:
        title = (start, post_end)
    draft.put("title", scan.quote(*title), title)


_PARTY = re.compile(r"(?:党工委|党委|工委|工作委员会|县委|市委|区委|州委|旗委|省委)$")
_OWN = re.compile(r"(?:该公司|公司|该企业|企业|集团|该集团|我公司|本公司|协会|商会)(?:的)?$")
_ZONE_LEFT = re.compile(
    r"(?:[\u4e00-\u9fff]{2,10})?(?:经济技术开发区|经济开发区|高新技术产业开发区|开发区|高新区|经开区|新区|园区|度假区|产业园|实验区|工业园)$"
)
_COUNTY_LEFT = re.compile(r"(?:^|[，。、；：！？“”（）《》\s])([\u4e00-\u9fff]{2,5}[省市县区州旗])$")
_TOWN_LEFT = re.compile(r"[\u4e00-\u9fff]{2,4}(?:镇|乡|街道|村|社区)$")
_POST_LEFT = re.compile(r"([\u4e00-\u9fffA-Za-z]{2,16})(?:[、兼]|，兼)$")


def _place_before(scan: Scan, at: int, low: int) -> int:
    """The start of the names of places that end at ``at``."""
    while True:
        place = next((p for p in reversed(scan.places_in(low, at)) if p.end == at), None)
        if place is None:
            return at
        at = place.start


def _titles_end(text: str, start: int, end: int) -> int | None:
    """Where the post begins that ends at ``end``."""
    table = words()["title"]
    for post in _posts():
        if text.endswith(post, start, end):
            at = end - len(post)
            moved = True
            while moved:
                moved = False
                for word in table["before"]:
                    if text.endswith(word, max(0, at - len(word)), at):
                        at -= len(word)
                        moved = True
            return at
    return None


@functools.cache
def _posts() -> tuple[str, ...]:
    table = words()["title"]
    return tuple(sorted([*table["posts"], *table["heads"]], key=len, reverse=True))


def _is_head(post: str) -> bool:
    return any(post.endswith(word) for word in words()["title"]["heads"])


def _merge(found: Iterable[Draft], scan: Scan) -> list[Draft]:
    """One entry a person: the first with a full title; later mentions fill what is missing."""
    kept: dict[str, Draft] = {}
    for draft in found:
        first = kept.get(draft.name)
        if first is None or (
            (
                "org" not in first.fields
                and "org" in draft.fields
                and len(str(draft.fields.get("title", ""))) > 1
            )
            and len(str(first.fields.get("title", ""))) <= 2
            and first.signals.get("role")
        ):
            kept[draft.name] = draft
    return list(kept.values())
