"""Reads what an embedding server answers: vectors in the order of the texts, or why there are none.

Servers speak three shapes. OpenAI, Jina and Voyage (and vLLM, Infinity after them) answer
`{"data": [{"index", "embedding"}]}`, text-embeddings-inference a bare list of vectors, and Cohere
`{"embeddings": {"float": […]}}`. All are read, whatever the style says.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from kb.errors import ModelUnavailable
from kb.models.llm.failures import TryAgain, retry_after_s
from kb.outbound.posting import Reply
from kb.protocols import Vectors

PASSING = frozenset({0, 408, 409, 424, 425, 429, 500, 502, 503, 504, 529})
"""Statuses of failures that may be over in a moment; 424 is a failure of TEI's backend."""
OF_THE_TEXTS = frozenset({400, 413, 422})
SENTENCES = {
    401: "refuses its key: check KB_EMBEDDING__API_KEY",
    403: "refuses its key: check KB_EMBEDDING__API_KEY",
    404: "does not know the address or the model: check KB_EMBEDDING__BASE_URL and "
    "KB_EMBEDDING__MODEL",
    405: "takes no request there: check KB_EMBEDDING__BASE_URL and KB_EMBEDDING__STYLE",
    429: "is rate limited",
    **dict.fromkeys(
        range(300, 400),
        "is elsewhere, and redirects are not followed: correct KB_EMBEDDING__BASE_URL",
    ),
}


class TextsRefused(Exception):
    """The server takes no such request: one of the texts is too long, or there are too many."""


def unavailable(what: str) -> ModelUnavailable:
    """The error of a server that `what`."""
    return ModelUnavailable(f"The embedding server {what}.")


def vectors_of(reply: Reply, texts: int) -> Vectors:
    """The vectors of so many texts, float32, rows of unit length.

    Raises:
        TextsRefused: the server does not take these texts.
        TryAgain: the same request may work in a moment.
        ModelUnavailable: it answers something else.
    """
    if reply.status != 200:
        raise _refusal(reply)
    try:
        rows = np.asarray(_rows(json.loads(reply.body), texts), dtype=np.float64)
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        is_sound = rows.shape[1] > 0 and np.isfinite(lengths).all() and (lengths > 0).all()
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError, IndexError):
        is_sound = False
    if not is_sound:
        raise unavailable(
            "sent something else than a vector for each text: check KB_EMBEDDING__BASE_URL, "
            "KB_EMBEDDING__MODEL and KB_EMBEDDING__STYLE"
        )
    unit: Vectors = (rows / lengths).astype(np.float32)
    return unit


def _rows(answer: Any, texts: int) -> list[Any]:
    found = answer
    if isinstance(answer, dict) and "data" in answer:
        by_index = {int(item["index"]): item["embedding"] for item in answer["data"]}
        if len(by_index) != len(answer["data"]):
            raise ValueError("an index twice")
        found = [by_index[at] for at in range(len(by_index))]
    elif isinstance(answer, dict):
        found = answer["embeddings"]
        found = found["float"] if isinstance(found, dict) else found
    if len(found) != texts:
        raise ValueError("another number")
    return list(found)


def _refusal(reply: Reply) -> Exception:
    status = reply.status
    if status in OF_THE_TEXTS:
        return TextsRefused(f"HTTP {status}")
    what = reply.problem or SENTENCES.get(status, "could not answer: its log says why")
    sentence = f"The embedding server {what}{f' (HTTP {status})' if status else ''}."
    if status in PASSING:
        return TryAgain(sentence, retry_after_s({"retry-after": reply.retry_after}))
    return ModelUnavailable(sentence)
