"""One request to an embedding server: its body, its tries, its vectors."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence

from kb.models.embed_url.answers import vectors_of
from kb.models.embed_url.styles import Role, style_of
from kb.models.llm.addresses import check_base_url
from kb.models.llm.failures import TryAgain, pause_s
from kb.outbound.posting import Poster
from kb.protocols import Vectors
from kb.settings_sections import EmbeddingSettings

LONGEST_PAUSE_S = 5.0
"""Between two tries; who is asked to wait for longer lets go of the work."""
MAX_BYTES = 64 * 1024 * 1024
"""Most that is read of an answer: 256 vectors of 4,096 numbers take 24 MB."""


class Endpoint:
    """A model at an address. Thread-safe.

    Attributes:
        mark: tells apart vectors that are marked as passages in another way; mostly empty.
    """

    def __init__(self, model: str, settings: EmbeddingSettings, named: str) -> None:
        """Raises Rejected if the address is not one of a model server."""
        base_url, key = settings.base_url or "", settings.api_key
        check_base_url(base_url, named)
        self.style = style_of(settings.style, base_url)
        self._model, self._dimensions = model, settings.dimensions
        self._prompts = {"query": settings.query_prompt, "document": settings.document_prompt}
        self._poster = Poster(
            self.style.address(base_url),
            key.get_secret_value() if key else None,
            named=named,
            max_bytes=MAX_BYTES,
        )
        marks = {**self.style.document, "prompt": settings.document_prompt}
        digest = hashlib.sha256(json.dumps(marks, sort_keys=True).encode()).hexdigest()
        self.mark = "" if marks == {"prompt": ""} else f"-{digest[:8]}"

    def vectors(self, texts: Sequence[str], role: Role, timeout_s: float, retries: int) -> Vectors:
        """The vectors of some texts, in their order.

        Args:
            timeout_s: for all tries together.

        Raises:
            TextsRefused: the server does not take them.
            ModelUnavailable: it did not answer; TryAgain if it may in a moment.
        """
        end, body = time.monotonic() + timeout_s, self._body(texts, role)
        for tries in range(1, retries + 2):
            try:
                return vectors_of(self._poster.post(body, end - time.monotonic()), len(texts))
            except TryAgain as failure:
                pause = pause_s(failure, tries)
                is_late = time.monotonic() + pause >= end or pause > LONGEST_PAUSE_S
                if tries > retries or is_late:
                    raise
                time.sleep(pause)
        raise AssertionError("the last try ends the loop")

    def close(self) -> None:
        """Release connections."""
        self._poster.close()

    def _body(self, texts: Sequence[str], role: Role) -> dict[str, object]:
        style, prompt = self.style, self._prompts[role]
        sent = [f"{prompt}{text}" or " " for text in texts]  # some refuse what is empty
        chosen = {} if self._dimensions is None else {style.dimensions: self._dimensions}
        return {
            "model": self._model,
            style.texts: sent,
            **style.always,
            **style.of(role),
            **chosen,
        }
