"""An embedding model on another machine, asked by URL. When it has not answered it is *away*: after
a rest it is asked again, by one request, and meanwhile everything fails at once.

Vectors belong to the model, not to its address: the same model behind another one keeps them. What
it reads is counted by the tokenizer of the bundled model, so with a margin.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from itertools import repeat

import numpy as np

from kb.errors import ModelUnavailable, TextTooLong
from kb.models.embed.anchors import PAIRS, measured
from kb.models.embed.packed_model import FILE, packed_tokenizer
from kb.models.embed.tokenizer import WordTokenizer
from kb.models.embed_url.answers import TextsRefused, unavailable
from kb.models.embed_url.endpoint import Endpoint
from kb.models.embed_url.styles import Role
from kb.models.llm.failures import TryAgain
from kb.protocols import Calibration, PortableTokenizer, Vectors
from kb.settings_sections import EmbeddingSettings

SHARE = 0.65
"""Of the tokens that a model reads, as many are counted by the bundled tokenizer: another one cuts
a text into up to 1.38 times as many (Chinese by characters; English and code into 0.9)."""
REST_S = 10.0
OFTEN = 3
"""Questions in a row that came too late, or too many, until the server counts as away."""
PROBE = "dimensions"


class UrlEmbedder:
    """Implements `kb.protocols.Embedder`. Questions do not wait for documents: the server does.

    Args:
        model: its name at the server.
        settings: with a `base_url`.
        known: the fingerprint that datasets of this model have, so that nobody need be asked.
        named: link-local hosts that may be called, parted by commas.

    Attributes:
        away: why it does not answer, None while it does.

    Raises:
        Rejected: the address is not one of a model server.
    """

    def __init__(
        self, model: str, settings: EmbeddingSettings, *, known: str = "", named: str = ""
    ) -> None:
        self._model, self._settings = model, settings
        self._endpoint = Endpoint(model, settings, named)
        found = re.fullmatch(rf"{re.escape(model)}@(\d+){self._endpoint.mark}", known)
        self._dimensions = settings.dimensions or (int(found[1]) if found else None)
        self._beside = ThreadPoolExecutor(settings.requests, thread_name_prefix="embed by url")
        self._turn = threading.Lock()
        self._failures, self._resting_until = 0, 0.0
        self.away: str | None = None

    @property
    def fingerprint(self) -> str:
        """Names the model, its dimensions, and what marks its passages. Raises ModelUnavailable
        as long as nobody knows the dimensions."""
        return f"{self._model}@{self.dimensions}{self._endpoint.mark}"

    @property
    def dimensions(self) -> int:
        """Asked of the server once, unless they are set or known."""
        return self._dimensions or self._soon([PROBE], "document").shape[1]

    @cached_property
    def tokenizer(self) -> PortableTokenizer:
        """Of the bundled model; without its file a token is a word."""
        return packed_tokenizer(FILE) if FILE.is_file() else WordTokenizer()

    @cached_property
    def max_tokens(self) -> int:
        """By our count, the longer prompt left out."""
        settings = self._settings
        longest = max(self._counts([settings.document_prompt, settings.query_prompt]))
        return max(1, int(settings.max_tokens * SHARE) - longest)

    @cached_property
    def calibration(self) -> Calibration:
        """What its cosines are worth, measured. Raises ModelUnavailable."""
        questions = [question for pairs in PAIRS.values() for question, _ in pairs]
        vectors = self._embedded(questions, "query")
        known = {text: vectors[at : at + 1] for at, text in enumerate(questions)}
        return measured(known.__getitem__, self.embed_documents, self.coverage)

    def coverage(self, text: str) -> float:
        """Always 1: its vocabulary is not known here."""
        return 1.0

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """Vectors of passages, in the order given.

        Raises:
            ValueError: one is over max_tokens by our count.
            TextTooLong: one is too long by the server's.
            ModelUnavailable: it is away.
        """
        for at, count in enumerate(self._counts(texts)):
            if count > self.max_tokens:
                raise ValueError(f"Text {at} has {count} tokens; {self.max_tokens} are read")
        return self._embedded(texts, "document")

    def embed_query(self, text: str) -> Vectors:
        """Vector of a question, shape (1, dimensions); an over-long question is cut. It waits for
        a short while only. Raises ModelUnavailable."""
        read = self.tokenizer.offsets(text)[: self.max_tokens]
        try:
            return self._soon([text[: read[-1][1]] if read else text], "query")
        except TextsRefused:
            raise unavailable("does not take the question") from None

    def close(self) -> None:
        """Release connections and threads."""
        self._beside.shutdown(wait=False, cancel_futures=True)
        self._endpoint.close()

    def _counts(self, texts: Sequence[str]) -> list[int]:
        return [len(self.tokenizer.offsets(text)) for text in texts]

    def _embedded(self, texts: Sequence[str], role: Role) -> Vectors:
        """Batches side by side; the first that fails ends the others."""
        parts = list(self._beside.map(self._batch, self._batches(texts), repeat(role)))
        return np.concatenate([np.empty((0, self.dimensions), np.float32), *parts])

    def _batches(self, texts: Sequence[str]) -> Iterator[list[str]]:
        """As many texts as a request may hold, and as many tokens."""
        settings, style = self._settings, self._endpoint.style
        is_set = "batch_size" in settings.model_fields_set
        most = settings.batch_size if is_set else style.most_texts
        batch, held = list[str](), 0
        for text, count in zip(texts, self._counts(texts), strict=True):
            if batch and (len(batch) >= most or held + count > style.most_tokens * SHARE):
                yield batch
                batch, held = [], 0
            batch.append(text)
            held += count
        if batch:
            yield batch

    def _batch(self, texts: Sequence[str], role: Role) -> Vectors:
        """The vectors of one batch; if the server refuses it, of its halves."""
        try:
            return self._asked(texts, role, (self._settings.timeout_s, self._settings.retries))
        except TextsRefused:
            if len(texts) > 1:
                half = len(texts) // 2
                halves = (self._batch(part, role) for part in (texts[:half], texts[half:]))
                return np.concatenate(list(halves))
        try:
            self._soon([PROBE], role)
        except TextsRefused:  # it is not this text
            raise self._resting(unavailable(REFUSES_ALL)) from None
        raise TextTooLong(*self._counts(texts))

    def _soon(self, texts: Sequence[str], role: Role) -> Vectors:
        """For whom somebody waits: one try, and not for long."""
        return self._asked(texts, role, None)

    def _asked(
        self, texts: Sequence[str], role: Role, patience: tuple[float, int] | None
    ) -> Vectors:
        """Raises TextsRefused, or ModelUnavailable, at once while it rests."""
        timeout_s, retries = patience or (self._settings.question_timeout_s, 0)
        with self._turn:
            if self.away is not None and time.monotonic() < self._resting_until:
                raise ModelUnavailable(self.away)
            self._resting_until = time.monotonic() + timeout_s  # one asks whether it is back
        try:
            found = self._endpoint.vectors(texts, role, timeout_s, retries)
            self._expect(found.shape[1])
        except TextsRefused:
            self._failures, self.away = 0, None
            raise
        except TryAgain as failure:
            self._failures += 1
            if patience or self.away is not None or self._failures >= OFTEN:
                self._resting(failure)
            raise
        except ModelUnavailable as failure:
            raise self._resting(failure) from None
        self._failures, self.away = 0, None
        return found

    def _expect(self, dimensions: int) -> None:
        self._dimensions = self._dimensions or dimensions
        if dimensions != self._dimensions:
            raise unavailable(
                f"gives vectors of {dimensions} numbers, and {self._dimensions} are expected of "
                f"{self._model}. Set its model back, or KB_EMBEDDING__DIMENSIONS={dimensions} and "
                "run `kb reindex`"
            )

    def _resting(self, failure: ModelUnavailable) -> ModelUnavailable:
        """The failure, after which nobody is asked for a while."""
        asked_s = failure.retry_after_s if isinstance(failure, TryAgain) else None
        self._resting_until = time.monotonic() + max(REST_S, asked_s or 0.0)
        self.away = failure.detail
        return failure


REFUSES_ALL = (
    "refuses whatever is sent: check KB_EMBEDDING__MODEL, KB_EMBEDDING__STYLE and "
    "KB_EMBEDDING__DIMENSIONS"
)
