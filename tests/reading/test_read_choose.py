import pytest
from click.testing import CliRunner

from zhaoyin.base.errors import Refusal
from zhaoyin.cli.read import read
from zhaoyin.reading.choose import Choice


def test_rules_alone_unless_somebody_asks():
    assert [proposer.name for proposer in Choice.of_environment({}).proposers()] == ["rules"]


def test_the_environment_switches_more_on():
    chosen = Choice.of_environment(
        {"ZHAOYIN_LLM_URL": "http://127.0.0.1:9/v1", "ZHAOYIN_LLM_MODEL": "m"}
    ).proposers()
    assert [proposer.name for proposer in chosen] == ["rules", "llm"]


def test_a_model_without_a_name_is_refused():
    with pytest.raises(Refusal) as refused:
        Choice(llm_url="http://127.0.0.1:9/v1").proposers()
    assert refused.value.code == "no-model"


def test_the_command_says_so_before_it_reads(tmp_path):
    file = tmp_path / "a.txt"
    file.write_text("云屿海洋生物有限公司到会。")
    done = CliRunner().invoke(read, [str(file), "--llm", "http://127.0.0.1:9/v1"])
    assert done.exit_code == 1
    assert len(done.output.strip().splitlines()) == 1


def test_an_endpoint_that_is_not_there_leaves_the_rules_facts(tmp_path):
    file = tmp_path / "a.txt"
    file.write_text("云屿海洋生物有限公司到会。")
    done = CliRunner().invoke(
        read, [str(file), "--json", "--llm", "http://127.0.0.1:9/v1", "--llm-model", "m"]
    )
    assert done.exit_code == 0
    assert "云屿海洋生物有限公司" in done.output
