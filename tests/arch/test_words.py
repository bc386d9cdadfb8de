"""Every text of the pages can be said in every language that they speak."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import ingest.work.worker  # noqa: F401  its errors are looked for
from kb.errors import KnowledgeBaseError, UnreadableReason
from tests.arch.test_architecture import ROOT
from tests.arch.test_web import SCRIPTS, WEB
from tune.diagnosis.curve import Verdict
from tune.trainers.__main__ import _code as code_of_trainer

TEXT = r'"((?:[^"\\]|\\.)*)"'
SAID = re.compile(rf"\bt\(\s*{TEXT}")
COUNTED = re.compile(rf"\bcount\([^\"]*?{TEXT},\s*{TEXT}")
IN_HTML = re.compile(r'data-t>([^<]+)<|(?:aria-label|title|placeholder)="([^"]+)"')
ENTRY = re.compile(rf"^  {TEXT}:", re.MULTILINE)
PAGES = ("index.html", "console.html", "login.html")
CODE = re.compile(r"^  (\w+): \"", re.MULTILINE)


def said() -> Iterator[str]:
    for path in SCRIPTS:
        text = path.read_text(encoding="utf-8")
        for found in (*SAID.finditer(text), *COUNTED.finditer(text)):
            yield from (json.loads(f'"{group}"') for group in found.groups())
    for name in PAGES:
        for found in IN_HTML.finditer((WEB / name).read_text(encoding="utf-8")):
            yield (found[1] or found[2]).strip()


def translated() -> Iterator[str]:
    for path in (WEB / "words").glob("*.js"):
        entries = ENTRY.finditer(path.read_text(encoding="utf-8"))
        yield from (json.loads(f'"{found[1]}"') for found in entries)


def test_texts_are_found():
    assert {"Knowledge bases", "{n} document", "To the question box"} <= set(said())


def test_every_text_has_its_chinese_and_no_chinese_is_left_over():
    assert sorted(set(said()) - set(translated())) == []
    assert sorted(set(translated()) - set(said())) == []


def test_no_text_is_translated_twice():
    entries = sorted(translated())
    assert [one for one, other in itertools.pairwise(entries) if one == other] == []


def codes_in(pattern: str, *paths: Path) -> set[str]:
    return {code for path in paths for code in re.findall(pattern, path.read_text("utf-8"))}


def codes_of_errors() -> set[str]:
    """Every code of an error that a file, a run or a training job may end with."""
    for error in (families := [KnowledgeBaseError]):
        families.extend(error.__subclasses__())
    ours = re.compile(r"kb\.errors$|ingest\.")
    return {error.code for error in families if ours.match(error.__module__)}


def why_a_file_fails() -> set[str]:
    sources = [*(ROOT / "ingest").rglob("*.py"), *(ROOT / "kb/store/work").rglob("*.py")]
    return {*get_args(UnreadableReason), *codes_in(r'Failure\(\s*"(\w+)"', *sources)}


def why_a_training_job_fails() -> set[str]:
    """A service's own codes are not known here."""
    failed = codes_in(
        r'(?:TrainingFailed|_MayPass)\(\s*"(\w+)"', *(ROOT / "tune/jobs").glob("*.py")
    )
    trainers = codes_in(r'\bFailed\(\s*"(\w+)"', *(ROOT / "tune/trainers").glob("*.py"))
    others = {code_of_trainer(error) for error in (MemoryError(), ImportError(), ValueError())}
    return {*failed, *trainers, *others, "failed_elsewhere", "cancelled_elsewhere"}


def why_a_run_fails() -> set[str]:
    """A run of an evaluation, or one of its questions."""
    code = r'(?:Failure\(\s*|error_code=)"(\w+)"'
    return codes_in(code, *(ROOT / "eval/served").glob("*.py"))


def what_a_training_set_is_told() -> set[str]:
    said = r'(?:inding|_rows|for code, kinds_in in \(|secrets_in\), )\(\s*"(\w+)"'
    return codes_in(said, *(ROOT / "tune/checking").glob("*.py"), ROOT / "tune/rows/forms.py")


def test_everything_that_the_server_says_by_a_code_has_its_chinese():
    translated = CODE.findall((WEB / "words" / "zh-server.js").read_text("utf-8"))

    assert {"crashed_repeatedly", "not_found", "too_large"} <= codes_of_errors()
    assert {"deleted_since", "no_text"} <= why_a_file_fails()
    assert {"trainer_died", "out_of_memory", "rows_all_masked"} <= why_a_training_job_fails()
    assert {"crashed_repeatedly", "other_variant"} <= why_a_run_fails()
    assert {"secret", "personal_data", "leak", "few_rows"} <= what_a_training_set_is_told()
    failures = why_a_file_fails() | why_a_training_job_fails() | why_a_run_fails()
    said = codes_of_errors() | failures | what_a_training_set_is_told() | {*get_args(Verdict)}
    assert sorted(translated) == sorted(said)
