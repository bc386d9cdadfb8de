"""PNG, JPEG, GIF and TIFF pictures of text, through Pillow and the installed OCR engine.

Every page of a TIFF is a page; of other formats the first frame counts. Without an engine a
picture is refused with the reason `no_text`: it is never empty in silence.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import TYPE_CHECKING, BinaryIO

from ingest.readers.pages import check_length, normalise
from ingest.readers.pdf.ocr import HOW_TO_INSTALL, Clock, Engine, engine, recognise
from ingest.readers.plain.text import text_blocks
from ingest.types import Extraction, ReadOptions
from kb.errors import UnreadableFile
from kb.types import Page

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

_FORMATS = ("PNG", "JPEG", "GIF", "TIFF")
_MOST_PIXELS = 60_000_000
"""A0 at 150 dpi; more would not fit a reader's memory."""
_MOST_FRAMES = 500
_SMALL = 1200
"""Pictures whose longer side has fewer pixels are enlarged: letters need some 20 of them."""


def read_picture(source: BinaryIO, options: ReadOptions) -> Extraction:
    """The text in a picture, a page per frame.

    Raises:
        UnreadableFile: no text or no engine (reason `no_text`), damaged, too large.
    """
    data = source.read()
    found = engine(options)
    clock = Clock(options)
    pages: list[Page] = []
    late = 0
    characters = 0
    for number, picture in enumerate(_pictures(data, found is not None), start=1):
        text = ""
        if found is not None and clock.left_s() > 0:
            try:
                text, _ = normalise(recognise(found, picture, clock.left_s()))
            except TimeoutError:
                late += 1
        else:
            late += 1
        characters += len(text)
        check_length(characters, options)
        pages.append(Page(number, text))
    if found is None or not any(page.text.strip() for page in pages):
        raise _without_text(found, late)
    return _extraction(found, pages, late)


def _extraction(found: Engine, pages: list[Page], late: int) -> Extraction:
    too_late = f"{late} pages were not read by OCR: the time was up." if late else ""
    return Extraction(
        pages=tuple(pages),
        blocks=tuple(block for page in pages for block in text_blocks(page.number, page.text)),
        encoding=None,
        encoding_confidence=None,
        parser=f"tesseract {found.version}",
        warnings=(*found.warnings(), *filter(None, [too_late])),
        empty_pages=tuple(page.number for page in pages if not page.text.strip()),
    )


def _pictures(data: bytes, wanted: bool) -> Iterator[bytes]:
    """Every frame as a grey PNG; only the first is looked at, and empty, if none is wanted."""
    try:
        from PIL import Image
    except ImportError as exc:
        raise _without_text(None, 0) from exc
    try:
        picture = Image.open(BytesIO(data), formats=_FORMATS)
        frames = min(getattr(picture, "n_frames", 1), _MOST_FRAMES)
        for frame in range(frames if picture.format == "TIFF" and wanted else 1):
            picture.seek(frame)
            if picture.width * picture.height > _MOST_PIXELS:
                raise UnreadableFile(
                    f"The picture has {picture.width} x {picture.height} pixels, more than "
                    f"{_MOST_PIXELS:,}. Make it smaller and upload it again.",
                    reason="too_large",
                )
            yield _grey(picture) if wanted else b""
    except (UnreadableFile, MemoryError):
        raise
    except Exception as exc:  # a border: Pillow raises anything on damaged pictures
        raise UnreadableFile(
            f"The picture is damaged ({type(exc).__name__}). Save it anew and retry.",
            reason="damaged_file",
        ) from exc


def _grey(picture: Picture) -> bytes:
    """A frame on white paper, large enough to be read."""
    from PIL import Image

    shown = picture.convert("RGBA") if "transparency" in picture.info else picture
    if shown.mode in ("RGBA", "LA", "PA"):
        paper = Image.new("RGBA", shown.size, "white")
        shown = Image.alpha_composite(paper, shown.convert("RGBA"))
    grey = shown.convert("L")
    if max(grey.size) < _SMALL:
        grey = grey.resize((grey.width * 2, grey.height * 2), Image.Resampling.LANCZOS)
    out = BytesIO()
    grey.save(out, "PNG", compress_level=1)
    return out.getvalue()


def _without_text(found: Engine | None, late: int) -> UnreadableFile:
    if found is None:
        return UnreadableFile(f"The picture was not read. {HOW_TO_INSTALL}.", reason="no_text")
    if late:
        return UnreadableFile(
            "Reading the picture took too long. Make it smaller, or raise "
            "KB_INGEST__READ_TIMEOUT_S.",
            reason="read_timeout",
        )
    return UnreadableFile("No text was found in the picture.", reason="no_text")
