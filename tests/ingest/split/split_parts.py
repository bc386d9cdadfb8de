"""Documents cut with a tokenizer that people can count with."""

from __future__ import annotations

import re
from io import BytesIO

from ingest.readers import READERS
from ingest.sandbox.processing import process
from ingest.types import Extraction, ReadOptions
from kb.types import Page, Processing, SplitOptions


class Words:
    """A token is a word, a CJK character or a sign."""

    def offsets(self, text):
        return [match.span() for match in re.finditer(r"[a-zA-Z0-9]+|[^\sa-zA-Z0-9]", text)]


def read(text, media_type="text/markdown"):
    return READERS[media_type](BytesIO(text.encode()), ReadOptions())


def chunks(extraction, limit=40, **options):
    done = process(
        extraction,
        Processing(split=SplitOptions(**options)),
        Words(),
        max_tokens=limit,
        chunk_prefix="d.1.1",
        document_id="d",
    )
    assert done.refusal is None
    return done.chunks


def pages(*texts):
    numbered = tuple(Page(number, text) for number, text in enumerate(texts, start=1))
    return Extraction(numbered, (), None, None, "test 1")
