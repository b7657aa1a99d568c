"""HTML: the main text, without the page around it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zhaoyin.base.errors import Refusal
from zhaoyin.reading.load import load

BODY = [
    "6月27日，滨海新区举行第二季度招商引资项目集中签约仪式，共签约12个项目，总投资51.8亿元。",
    "会上，开发区管委会与深圳某某电子有限公司签订战略合作框架协议，项目落户滨海电子信息产业园。",
    "区委书记在致辞中指出，要紧盯时间节点，确保签约项目三季度开工率达到60%以上。",
]
FURNITURE = """<div class="nav"><ul><li><a href=1>首页</a></li><li><a href=2>政务公开</a></li><li><a href=3>互动交流</a></li></ul></div>"""
FOOT = """<div id="footer">主办单位：滨海新区管委会 <a href=4>联系我们</a> 备案号：鲁ICP备00000000号</div>"""
SIDE = (
    """<div class="sidebar"><h3>热点推荐</h3><ul>"""
    + "".join(f"<li><a href=x{i}>某地举行重点项目推进会第{i}场</a></li>" for i in range(12))
    + "</ul></div>"
)


def page(main: str, *, title="签约仪式举行_滨海新区", charset="utf-8") -> str:
    return (
        f"<!DOCTYPE html><html><head><meta charset={charset}><title>{title}</title><script>var a='脚本文字';</script>"
        f"<style>.a{{color:red}}</style></head><body>{FURNITURE}<div class=wrap>{main}{SIDE}</div>{FOOT}</body></html>"
    )


MAINS = {
    "paragraphs": "<h1>滨海新区举行签约仪式</h1><div class=content>"
    + "".join(f"<p>　　{t}</p>" for t in BODY)
    + "</div>",
    "divs": "<h1>滨海新区举行签约仪式</h1><div id=zoom>"
    + "".join(f"<div>{t}</div>" for t in BODY)
    + "</div>",
    "breaks": "<h1>滨海新区举行签约仪式</h1><div class=TRS_Editor>" + "<br><br>".join(BODY) + "</div>",
    "spans": "<h1>滨海新区举行签约仪式</h1><div class=article>"
    + "".join(f"<p><span style='font-size:16px'>{t[:20]}</span><span>{t[20:]}</span></p>" for t in BODY)
    + "</div>",
    "layout table": "<table><tr><td><h1>滨海新区举行签约仪式</h1></td></tr><tr><td><table><tr><td>"
    + "".join(f"<p>{t}</p>" for t in BODY)
    + "</td></tr></table></td></tr></table>",
    "one form": "<form id=aspnetForm><h1>滨海新区举行签约仪式</h1><div>"
    + "".join(f"<p>{t}</p>" for t in BODY)
    + "</div></form>",
}


@pytest.mark.parametrize("shape", MAINS)
def test_the_main_text_and_nothing_else(shape):
    found = load(page(MAINS[shape]).encode(), name="a.html")
    assert found.source.split("\n")[:-1] == ["滨海新区举行签约仪式", *BODY]
    assert found.title == "签约仪式举行_滨海新区"


@pytest.mark.parametrize(
    ("charset", "codec"),
    [("gb2312", "gb18030"), ("gbk", "gb18030"), ("utf-8", "utf-8"), ("utf-8", "gb18030")],
)
def test_pages_in_what_they_say_or_what_they_are(charset, codec):
    found = load(page(MAINS["paragraphs"], charset=charset).encode(codec), name="a.htm")
    assert BODY[0] in found.source


def test_tables_become_cells_with_merges():
    table = (
        "<table><tr><th rowspan=2>序号</th><th rowspan=2>项目名称</th><th colspan=2>投资额</th></tr><tr><th>总投资</th><th>外资</th></tr>"
        "<tr><td>1</td><td>新材料产业园</td><td>3200</td><td>0</td></tr><tr><td>2</td><td>医药云仓</td><td>1900</td><td>50</td></tr></table>"
    )
    main = f"<div class=content><p>{BODY[0]}</p>{table}<p>{BODY[1]}</p></div>"
    found = load(page(main).encode(), name="a.html")
    assert found.tables[0].header == ("序号", "项目名称", "投资额/总投资", "投资额/外资")
    assert found.tables[0].body[1] == ("2", "医药云仓", "1900", "50")
    at = found.source.index("医药云仓")
    assert found.locate(at, at + 4).cell == "B4"


def test_scripts_styles_and_hidden_text_are_never_text():
    main = f"<div class=content><p>{BODY[0]}</p><script>恶意</script><noscript>无脚本</noscript><p style='display: none'>隐藏</p><p>{BODY[1]}</p><iframe src=x>框</iframe></div>"
    text = load(page(main).encode(), name="a.html").source
    assert text == f"{BODY[0]}\n{BODY[1]}\n"


def test_deep_and_unclosed_markup_is_read():
    deep = "<html><body>" + "<div>" * 5000 + f"<p>{BODY[0]}</p>"
    try:
        assert BODY[0] in load(deep.encode(), name="a.html").source
    except Refusal as refusal:
        assert refusal.code in {"no-text", "too-complex"}
    assert BODY[0] in load(f"<html><p>{BODY[0]}<p>{BODY[1]}".encode(), name="a.html").source


def test_a_page_without_text_is_refused():
    with pytest.raises(Refusal) as caught:
        load(b"<html><body><script>1</script></body></html>", name="a.html")
    assert caught.value.code == "no-text"


TAGS = st.sampled_from(
    [
        "<p>",
        "</p>",
        "<div>",
        "</div>",
        "<table>",
        "<tr>",
        "<td colspan=9>",
        "</table>",
        "<br>",
        "<h1>",
        "<script>",
        "</script>",
        "<a href=x>",
        "</a>",
        "签约项目，",
        "总投资5亿元。",
        "&nbsp;",
        "&#0;",
        "<!--",
        "-->",
        "<![CDATA[",
        "\x00",
        "<form>",
    ]
)


@settings(max_examples=200, deadline=None)
@given(st.lists(TAGS, max_size=60))
def test_any_markup_gives_a_document_or_a_refusal(parts):
    try:
        found = load(("<html><body>" + "".join(parts)).encode(), name="a.html")
    except Refusal:
        return
    for block in found.blocks:
        assert 0 <= block.start < block.end <= len(found.source)
