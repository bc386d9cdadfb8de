"""What a language model can add to a question before it is searched.

Other wordings find what is written in other words; a passage that might answer the question lies
nearer to the true one than the question does. Both come from a model, so they are only ever added:
the question itself is always searched.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_QUERIES = 4
MAX_PASSAGE_CHARACTERS = 2000

ASK_FOR_QUERIES = """\
You help to search documents. Write three other wordings of the user's question, one per line: \
with synonyms, with the words that a document would use, and more specific. Keep its language. Do \
not answer it, and write nothing but the three lines."""

ASK_FOR_PASSAGE = """\
You help to search documents. Write one short paragraph, as it might stand in a document, that \
answers the user's question. Keep its language. Invent what you do not know: the paragraph is only \
compared with the documents and never shown. Write nothing else."""

_LISTED = re.compile(r"^\s*(?:[-*•]|\(?\d{1,2}[.)、:：])\s*")


@dataclass(frozen=True, slots=True)
class Expansion:
    """Other wordings of a question, and a passage that might answer it (empty: none)."""

    queries: tuple[str, ...] = ()
    passage: str = ""


NOTHING_ELSE = Expansion()


def wordings(written: str, query: str) -> tuple[str, ...]:
    """The wordings in a model's reply: one per line, without numbers and quotes, each once.

    Source:
        Several queries at once: Rackauckas, "RAG-Fusion: a New Take on Retrieval-Augmented
        Generation", 2024.
    """
    lines = (
        _LISTED.sub("", line).strip().strip("\"'“”「」`").strip() for line in written.splitlines()
    )
    distinct = dict.fromkeys(line for line in lines if line and line != query)
    return tuple(distinct)[:MAX_QUERIES]


def passage(written: str) -> str:
    """The passage in a model's reply.

    Source:
        HyDE: Gao, Ma, Lin and Callan, "Precise Zero-Shot Dense Retrieval without Relevance Labels",
        ACL 2023; as there, its vector is averaged with the question's.
    """
    return " ".join(written.split())[:MAX_PASSAGE_CHARACTERS]
