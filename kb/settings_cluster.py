"""The settings of several machines: the servers and keys that all processes share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from kb.errors import Rejected
from kb.settings_sections import Section

KEY_CHARACTERS = 32
"""Fewest of a key that opens everything."""


def hard_to_guess(key: SecretStr) -> SecretStr:
    """Raises ValueError for a key that is too short to be one."""
    if len(key.get_secret_value()) < KEY_CHARACTERS:
        raise ValueError(
            f"must have at least {KEY_CHARACTERS} characters, as `openssl rand -hex 32` "
            f"makes them; unset, a key is generated"
        )
    return key


def _of_scheme(*schemes: str) -> AfterValidator:
    def check(url: str) -> str:
        if not url.startswith(tuple(f"{scheme}://" for scheme in schemes)):
            raise ValueError(f"must begin with {' or '.join(f'{each}://' for each in schemes)}")
        return url

    return AfterValidator(check)


class DatabaseSettings(Section):
    """Where rows live."""

    url: SecretStr | None = None
    """Postgres 15 or newer, such as `postgresql://kb:password@db:5432/kb`. Unset: SQLite in the
    data folder. Needs `KB_CHROMA__URL`, `KB_BLOBS__URL`, `KB_ADMIN_KEY` and `KB_SECRET_KEY` too."""
    connections: Annotated[int, Field(ge=3, le=500)] = 16
    """Most connections of a process that are open at once."""


class ChromaSettings(Section):
    """Where vectors live."""

    url: Annotated[str, _of_scheme("http", "https")] | None = None
    """A Chroma server, such as `http://chroma:8000`. It asks nobody who they are: only our
    processes may reach it. Unset: in the data folder."""
    headers: Mapping[str, SecretStr] = {}
    """Sent with each request, as JSON, such as a token for a proxy before the server."""
    timeout_s: Annotated[float, Field(gt=0, le=600)] = 10.0
    """Seconds to wait for an answer; then SQL answers."""


class BlobSettings(Section):
    """Where originals live."""

    url: Annotated[str, _of_scheme("s3")] | None = None
    """A bucket of an S3-compatible store, such as `s3://citewell/originals`. Unset: in the data
    folder."""
    endpoint: Annotated[str, _of_scheme("http", "https")] | None = None
    """Address of the store. Unset: AWS's own for the region."""
    region: str = "us-east-1"
    """Region of the bucket; most stores other than AWS take any."""
    access_key: SecretStr | None = None
    """Who we are at the store. Unset: what the machine's role allows."""
    secret_key: SecretStr | None = None
    """What goes with the access key."""
    cache_bytes: Annotated[int, Field(ge=0)] = 4 * 1024**3
    """Bytes of originals that a process keeps in its data folder, to read them again."""


class RaySettings(Section):
    """What `kb worker --engine ray` asks of a cluster of Ray, which `RAY_ADDRESS` names."""

    embedders: Annotated[int, Field(ge=1, le=1000)] = 1
    """Actors that hold the embedding model."""
    embedder_cpus: Annotated[float, Field(ge=0, le=256)] = 1.0
    """Processors of each; set `KB_EMBEDDING__THREADS` to as many."""
    embedder_gpus: Annotated[float, Field(ge=0, le=16)] = 0.0
    """GPUs of each; 0.25 lets four of them share one."""
    reader_cpus: Annotated[float, Field(gt=0, le=64)] = 1.0
    """Processors of a task that reads and splits a document."""


def check_together(
    database: DatabaseSettings,
    chroma: ChromaSettings,
    blobs: BlobSettings,
    admin_key: SecretStr | None,
    secret_key: SecretStr | None,
) -> None:
    """Raises Rejected if some settings of a cluster are there and others are not."""
    urls = {
        "KB_DATABASE__URL": database.url,
        "KB_CHROMA__URL": chroma.url,
        "KB_BLOBS__URL": blobs.url,
    }
    if not any(urls.values()):
        return
    needed = {**urls, "KB_ADMIN_KEY": admin_key, "KB_SECRET_KEY": secret_key}
    missing = [name for name, value in needed.items() if value is None]
    if missing:
        raise Rejected(
            f"Several processes share rows, vectors, originals and keys, or none of them: set "
            f"{', '.join(missing)} as well, or unset {', '.join(n for n in urls if urls[n])}."
        )
