"""A question in another language than the documents, searched by what it says alone.

A multilingual model puts all questions of a language near each other, and some passages (short
ones, lists of names) near to all of them, so that these come first whatever is asked. What the
questions of its language have in common is therefore taken out of the question's vector.

Source: the mean vector as in Mu and Viswanath, "All-but-the-Top", ICLR 2018; passages near to
everything as in Radovanović et al., "Hubs in Space", JMLR 2010.
"""

from __future__ import annotations

import numpy as np

from kb.models.embed.anchors import PAIRS
from kb.protocols import Embedder, Vectors
from kb.search.candidates import Candidates
from kb.text.languages import language_of
from kb.text.terms import asked_identifiers

SHARE = 0.5
"""How much of what is common is taken out. Right among the first five in fourteen pairs of
languages (our documentation, FAQ, help) with 0, 0.3, 0.5, 0.7, 0.9: 0.741, 0.775, 0.773, 0.781,
0.770; in two of FastAPI's manual: 0.650, 0.737, 0.777, 0.773, 0.763, and 0.747 with half of what is
common to all languages, the same in the fourteen, which others than the five get."""

NEAREST = 4
"""Passages that tell the language of the documents. Right among the first five of 200 Chinese
headings and 200 sentences of FastAPI's manual, asked of the English one: 0.680 and 0.810 while the
nearest passage had to be in another language, which code and tags are not, now 0.810 and 0.850."""


class Common:
    """What the questions of a language have in common, for each embedder. Thread-safe."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], Vectors] = {}

    def taken_out(self, embedder: Embedder, vector: Vectors, language: str | None) -> Vectors:
        """The vector of a question without it, of unit length."""
        key = embedder.fingerprint, language if language in PAIRS and language else ""
        if (common := self._known.get(key)) is None:
            own = [PAIRS[key[1]]] if key[1] else PAIRS.values()
            asked = [embedder.embed_query(question) for pairs in own for question, _ in pairs]
            common = self._known[key] = np.mean(asked, axis=0)
        found: Vectors = vector - SHARE * common
        return found / np.linalg.norm(found)


def is_across(language: str | None, question: str, found: Candidates) -> bool:
    """Whether a question in a language is searched by meaning alone: the nearest passages are in
    another one, as far as their language can be told, and none in its own. Identifiers are the same
    in every language."""
    if language is None or asked_identifiers(question):
        return False
    is_other = False
    for item in found.vector[:NEAREST]:
        own = language_of(found.live[item.chunk_id].beginning)
        if own == language:
            return False  # mostly the first, and each takes 0.1 ms
        is_other |= own is not None
    return is_other
