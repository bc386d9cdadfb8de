"""`kb tune` on files: prepare, validate and export, without a server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from cli.__main__ import app
from tests.api.serving import serving
from tests.cli.commands import kb_command

STORIES = ',dynasty,power,story\n0,Tang,fire,\n1,Tang,fire,"\nOnce."\n2,Han,ice,Then.\n'
COLUMNS = ("--column", "question={dynasty},{power}", "--column", "answer=story")


def kb(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["tune", *map(str, arguments)])


@pytest.fixture
def stories(tmp_path: Path) -> Path:
    path = tmp_path / "stories.csv"
    path.write_text(STORIES, encoding="utf-8")
    return path


def test_prepare_writes_the_files_and_says_what_to_use_at_inference(stories: Path, tmp_path: Path):
    said = kb("prepare", stories, *COLUMNS, "--out", tmp_path / "out").output

    lines = (tmp_path / "out" / "train.jsonl").read_text().splitlines()
    assert json.loads(lines[0]) == {"prompt": "Tang,fire ->", "completion": " Once.\n"}
    assert len(lines) == 2
    assert "1 rows without a question or an answer are left out" in said
    assert "end each prompt with ' ->' and stop at '\\n'" in said


def test_validate_fails_where_something_blocks(stories: Path):
    failed = kb("validate", stories, *COLUMNS)
    assert failed.exit_code == 1
    assert "blocks  empty_answer: Rows that have an empty answer: 1. Rows 0" in failed.output

    report = json.loads(kb("validate", stories, *COLUMNS, "--json").output)
    assert report["rows"] == 3
    assert report["findings"][0]["code"] == "empty_answer"


def test_validate_counts_by_a_tokenizer_of_the_model(stories: Path, tmp_path: Path):
    from tokenizers import Tokenizer, models, pre_tokenizers

    tokenizer = Tokenizer(models.WordLevel({"?": 0}, unk_token="?"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(tmp_path / "tokenizer.json"))

    found = kb("validate", stories, *COLUMNS, "--tokenizer", tmp_path, "--max-tokens", 3, "--json")

    codes = {finding["code"] for finding in json.loads(found.output)["findings"]}
    assert {"all_cut"} <= codes


def test_export_makes_a_file_a_split_and_a_job(tmp_path: Path):
    rows = tmp_path / "rows.csv"
    rows.write_text("question,answer,split\nWho?,We.,train\nWhen?,Now.,valid\n")

    done = kb("export", rows, "--to", "llama-factory", "--out", tmp_path / "out", "--model", "m")

    assert done.exit_code == 0
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"train.json", "valid.json", "dataset_info.json", "train.yaml"}


def test_what_an_export_loses_is_told(tmp_path: Path):
    file = tmp_path / "chat.jsonl"
    turns = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b", "weight": 0}]
    file.write_text(json.dumps({"messages": turns}))

    done = kb("export", file, "--to", "alpaca", "--out", tmp_path / "out")

    assert "look  lost_weights" in done.output
    assert "Rows 0" in done.output


def test_sets_live_on_the_server(tmp_path: Path, stories: Path):
    with serving(tmp_path / "data") as served:
        made = kb_command(served, "tune", "import", str(stories), "--set", "tales", *COLUMNS)
        assert "tales@1: 3 rows" in made.output
        assert "blocks  empty_answer" in made.output
        served.new_app("shop")
        served.post("/v1/apps/shop/annotations", {"question": "Who?", "answer": "We."})
        more = kb_command(served, "tune", "collect", "shop", "--set", "tales")
        assert "tales@2: 4 rows" in more.output
        assert kb_command(served, "tune", "sets").output == "tales  2 versions\n"
        assert "tales@1  3 rows" in kb_command(served, "tune", "sets", "tales").output
        out = tmp_path / "rows.jsonl"
        kb_command(served, "tune", "fetch", "tales@1", "--out", str(out))
        assert len(out.read_text().splitlines()) == 3
