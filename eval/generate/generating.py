"""`kb eval generate`: questions about the documents of a dataset, each answered by one passage.

With a configured language model it writes the questions, without one `drafting` does. Either
way a question is kept only if its answer stands in the passage, and the question does not say it.
"""

from __future__ import annotations

import asyncio
import json
import math
import random
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eval.generate.drafting import GeneratedQuestion, drafts, language
from eval.metrics.answers import answer_in, token_f1
from eval.model import ConfiguredModel
from eval.question_sets.own import write
from eval.types import Question, Relevant
from kb.errors import ModelUnavailable, Rejected
from kb.settings import load_settings

if TYPE_CHECKING:
    from client.http import Client

Say = Callable[[str], str]
"""A language model: text to reply."""

FEWEST_CHARACTERS = 80
CHUNKS_PER_QUESTION = 5
SAME_ANSWER_F1 = 0.5
"""A second look of the model must come to an answer that shares half of its words."""

_WRITE = """Here is a passage of a document.

<passage>
{passage}
</passage>

Write one question that a person might ask who does not know the passage, and that the passage \
answers. Ask in the language of the passage, and do not refer to "the passage" or "the text". Copy \
the answer word for word from the passage, as short as it can be. Reply with one line of JSON: \
{{"question": "...", "answer": "..."}}"""
_CHECK = """<passage>
{passage}
</passage>

Answer the question from the passage alone, in as few words as possible, copied from the passage. \
If the passage does not answer it, reply NONE.

Question: {question}"""
_OBJECT = re.compile(r"\{.*\}", re.DOTALL)


def generate(client: Client, dataset: str, out: Path, *, count: int, seed: int) -> str:
    """Write up to `count` questions about a dataset; returns a line that says how many.

    Raises:
        DatasetNotFound: there is no such dataset.
        Rejected: nothing in it can be asked about.
    """
    settings = load_settings()
    say = _say(ConfiguredModel(settings)) if settings.llm.model else None
    documents = client.every(f"/v1/datasets/{client.dataset(dataset)['id']}/documents")
    chunks = passages(documents, lambda of: client.every(f"/v1/documents/{of}/chunks"), count, seed)
    chosen = questions_of(chunks, count, say)
    if not chosen:
        raise Rejected(
            f"Nothing in {dataset!r} gave a question whose answer can be checked. Add documents, "
            "or write questions yourself."
        )
    write(chosen, out)
    by = settings.llm.model if say else "headings and sentences"
    return f"{len(chosen)} questions by {by} in {out}"


def questions_of(
    chunks: Iterable[Mapping[str, Any]], count: int, say: Say | None
) -> list[Question]:
    """Up to `count` questions, at most one per chunk, none asked twice.

    Args:
        chunks: as the API returns them, with `document_name`.
        say: a language model; None makes questions without one, the kinds in turn.
    """
    found: dict[str, Question] = {}
    kinds: Counter[str] = Counter()
    repeated: set[str] = set()
    for chunk in chunks:
        if len(found) >= count:
            break
        made = written(chunk["text"], say) if say else _rarest(chunk, kinds)
        if made is None or not is_answered(made, chunk["text"]):
            continue
        if made.question in found:
            repeated.add(made.question)
        kinds[made.kind] += 1
        found[made.question] = _question(made, chunk, len(found) + 1)
    return [question for text, question in found.items() if text not in repeated]


def is_answered(made: GeneratedQuestion, passage: str) -> bool:
    """Whether the answer stands in the passage, and the question does not give it away."""
    return bool(answer_in([passage], [made.answer])) and not answer_in(
        [made.question], [made.answer]
    )


def written(passage: str, say: Say) -> GeneratedQuestion | None:
    """A question by a language model; None if it is not good, or the model is not at hand.

    It is asked its own question again and must come to the same answer.
    """
    reply = say(_WRITE.format(passage=passage))
    match = _OBJECT.search(reply)
    try:
        raw = json.loads(match[0]) if match else {}
    except ValueError:
        return None
    question, answer = str(raw.get("question", "")).strip(), str(raw.get("answer", "")).strip()
    start = passage.find(answer)
    if not question or not answer or start < 0:
        return None
    again = say(_CHECK.format(passage=passage, question=question))
    if token_f1(again, [answer]) < SAME_ANSWER_F1:
        return None
    return GeneratedQuestion("model", question, answer, start, start + len(answer))


def _rarest(chunk: Mapping[str, Any], kinds: Counter[str]) -> GeneratedQuestion | None:
    return min(
        drafts(chunk["text"], chunk["heading"]), key=lambda made: kinds[made.kind], default=None
    )


def _question(made: GeneratedQuestion, chunk: Mapping[str, Any], number: int) -> Question:
    span = chunk["spans"][0]
    place = Relevant(
        chunk["document_name"], span["start"] + made.start, span["start"] + made.end, span["page"]
    )
    return Question(
        id=str(number),
        text=made.question,
        answers=(made.answer,),
        relevant=(place,),
        type=made.kind,
        language=language(chunk["text"]),
    )


def passages(
    documents: Iterable[Mapping[str, Any]],
    chunks_of: Callable[[str], Iterable[Mapping[str, Any]]],
    count: int,
    seed: int,
) -> Iterator[Mapping[str, Any]]:
    """Chunks that can be asked about, in random order: a few of each document, five times as many
    as questions are wanted, for not every chunk gives one.

    Args:
        documents: as the API returns them.
        chunks_of: from the id of a document to its chunks, as the API returns them.
    """
    choose = random.Random(seed)
    ready = [item for item in documents if item["status"] == "ready"]
    ready = choose.sample(ready, min(len(ready), CHUNKS_PER_QUESTION * count))
    each = math.ceil(CHUNKS_PER_QUESTION * count / max(1, len(ready)))
    found: list[dict[str, Any]] = []
    for document in ready:
        chunks = [
            {**chunk, "document_name": document["name"]}
            for chunk in chunks_of(document["id"])
            if len(chunk["spans"]) == 1 and len(chunk["text"]) >= FEWEST_CHARACTERS
        ]
        found += choose.sample(chunks, min(len(chunks), each))
    choose.shuffle(found)
    yield from found


def _say(model: ConfiguredModel) -> Say:
    def say(text: str) -> str:
        try:
            return asyncio.run(model.say(text))
        except ModelUnavailable:
            return ""

    return say
