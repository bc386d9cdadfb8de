"""An evaluation as the libraries read it that people judge answers with: a row for each question.

Ragas takes JSON Lines (`EvaluationDataset.from_jsonl`), DeepEval a JSON list
(`EvaluationDataset.add_test_cases_from_json_file`). A question that failed has no row.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from eval.run.measuring import Result

RAGAS = ("user_input", "response", "retrieved_contexts", "reference")
DEEPEVAL = ("input", "actual_output", "retrieval_context", "expected_output")
"""What each calls the question, the answer, the passages and the right answer."""


def write_ragas(results: Sequence[Result], path: Path) -> None:
    """Write the rows as Ragas reads them."""
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in _rows(results, RAGAS)]
    path.write_text("".join(lines), encoding="utf-8")


def write_deepeval(results: Sequence[Result], path: Path) -> None:
    """Write the rows as DeepEval reads them."""
    rows = list(_rows(results, DEEPEVAL))
    path.write_text(json.dumps(rows, ensure_ascii=False, indent=1), encoding="utf-8")


def _rows(results: Sequence[Result], names: tuple[str, ...]) -> Iterator[Mapping[str, Any]]:
    for result in results:
        question, response = result.question, result.response
        if response.error:
            continue
        answer = response.answer.text if response.answer else ""
        passages = [hit.text for hit in response.hits]
        right = question.reference or " ".join(question.answers)
        yield dict(zip(names, (question.text, answer, passages, right), strict=True))
