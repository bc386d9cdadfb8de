"""Every setting, with its bounds, default and effect.

Values come from `KB_*` environment variables (sections nested by `__`) or a `.env` file. Only
`open_kb` and `api.app.create_app` read them; everything else takes plain arguments.
`docs/settings.md` is generated from this file.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from kb.errors import Rejected
from kb.settings_cluster import (
    BlobSettings,
    ChromaSettings,
    DatabaseSettings,
    RaySettings,
    check_together,
    hard_to_guess,
)
from kb.settings_sections import (
    EmbeddingSettings,
    MaintenanceSettings,
    Section,
    TranscriptionSettings,
    TuningSettings,
    WebhookSettings,
)

PREFIX = "KB_"
MIB = 1024 * 1024


def _networks(proxies: str) -> str:
    for each in filter(None, proxies.split(",")):
        ipaddress.ip_network(each.strip())  # raises ValueError, which names it
    return proxies


class ServerSettings(Section):
    """Where the server listens."""

    host: str = "127.0.0.1"
    """Address to listen on; 0.0.0.0 for every interface."""
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    """Port to listen on; 0 takes a free one and says which."""
    trusted_proxies: Annotated[str, AfterValidator(_networks)] = ""
    """Addresses or networks of reverse proxies, separated by commas, such as 127.0.0.1: what they
    say in X-Forwarded-For and X-Forwarded-Proto is believed, and of nobody else."""

    @property
    def proxies(self) -> list[str]:
        """The trusted proxies one by one."""
        return [each.strip() for each in self.trusted_proxies.split(",") if each.strip()]


class LlmSettings(Section):
    """The default language model. Without `model`, answers are extractive."""

    provider: str = "openai"
    """One that is known by name, such as `deepseek`: its address and what is special about it."""
    base_url: str | None = None
    """OpenAI-compatible endpoint, up to and including `/v1`; unset: the provider's."""
    api_key: SecretStr | None = None
    """Its key; local servers usually need none."""
    model: str | None = None
    """Model name at that endpoint. Unset: answers are sentences taken from the documents."""
    first_token_timeout_s: Annotated[float, Field(gt=0, le=600)] = 60.0
    """Seconds to wait for the first token; then the run fails, or the base variant answers."""
    gap_timeout_s: Annotated[float, Field(gt=0, le=600)] = 30.0
    """Seconds to wait between two tokens."""
    total_timeout_s: Annotated[float, Field(gt=0, le=3600)] = 600.0
    """Seconds for a whole answer."""
    retries: Annotated[int, Field(ge=0, le=10)] = 2
    """Further tries after a failure that may pass, such as 429 or 503, before the first token."""
    link_local_hosts: str = ""
    """Hosts or addresses, parted by commas, at which models may run although they are link-local
    or serve metadata of a cloud (such as 169.254.1.2). All others are refused."""
    circuit_failures: Annotated[int, Field(ge=1, le=1000)] = 5
    """Failures of a model with no answer between them, after which it is left alone a while."""
    circuit_window_s: Annotated[float, Field(gt=0, le=3600)] = 60.0
    """Seconds within which these failures must fall."""
    circuit_open_s: Annotated[float, Field(gt=0, le=3600)] = 30.0
    """Seconds for which it is left alone; then one question tries it."""


class IngestSettings(Section):
    """How uploads become searchable."""

    max_file_bytes: Annotated[int, Field(ge=1)] = 200 * MIB
    """Largest file accepted."""
    max_archive_bytes: Annotated[int, Field(ge=1)] = 2048 * MIB
    """Largest zip archive accepted; what it holds are files of their own."""
    max_request_bytes: Annotated[int, Field(ge=1)] = 2048 * MIB
    """Largest upload request, all files together."""
    max_files: Annotated[int, Field(ge=1, le=100_000)] = 10_000
    """Most files in one upload request."""
    upload_expires_s: Annotated[float, Field(gt=0, le=31_536_000)] = 86_400.0
    """Seconds after which a resumable upload that does not go on is deleted."""
    max_characters: Annotated[int, Field(ge=1)] = 20_000_000
    """Most characters one document may hold."""
    readers: Annotated[int, Field(ge=0, le=32)] = 0
    """Reader processes that work on uploads side by side; 0 takes one per two processor cores, 4
    at most. Two more are for previews, checks and re-indexing."""
    read_timeout_s: Annotated[float, Field(gt=0, le=3600)] = 180.0
    """Seconds one file may take to be parsed, cleaned and split before its reader is killed. The
    largest Chinese text (20 million characters) takes 76 s of a processor core."""
    read_memory_bytes: Annotated[int, Field(ge=64 * MIB)] = 768 * MIB
    """Address space of a reader process, and memory that its result may take in the server."""
    ocr_languages: Annotated[str, Field(pattern=r"^[A-Za-z_]+(\+[A-Za-z_]+)*$")] = "eng+chi_sim"
    """Languages of scanned pages, in Tesseract's names; those not installed are left out."""
    max_attempts: Annotated[int, Field(ge=1, le=20)] = 3
    """Times a document is tried again after a crash before it is marked failed."""


class SearchSettings(Section):
    """How questions find chunks."""

    candidates: Annotated[int, Field(ge=1, le=500)] = 40
    """Chunks taken from each index before fusion. Recall and time both grow with it."""
    threads: Annotated[int, Field(ge=1, le=64)] = 2
    """Searches that run at once."""
    max_waiting: Annotated[int, Field(ge=1, le=10_000)] = 256
    """Searches that may wait; more are answered 503 at once."""
    open_indexes: Annotated[int, Field(ge=1, le=256)] = 24
    """Datasets whose index stays open; the least recently used is closed."""


class RerankSettings(Section):
    """A model that puts the best candidates in order. Unset: their words decide."""

    model: str | None = None
    """A cross-encoder that is on this machine (folder or id); with a URL, the name sent to it."""
    base_url: str | None = None
    """An endpoint in the style of Jina, Cohere or text-embeddings-inference."""
    api_key: SecretStr | None = None
    """Its key; local servers usually need none."""
    timeout_s: Annotated[float, Field(gt=0, le=60)] = 5.0
    """Seconds to wait for the endpoint; then the words decide."""


class ChatSettings(Section):
    """How answers are run."""

    grace_s: Annotated[float, Field(ge=0, le=3600)] = 60.0
    """Seconds an answer goes on after its last reader has left."""
    replay_s: Annotated[float, Field(ge=0, le=86_400)] = 600.0
    """Seconds a finished stream can be replayed."""
    max_runs: Annotated[int, Field(ge=1, le=100_000)] = 4000
    """Answers in progress at once; more are answered 503."""
    history_turns: Annotated[int, Field(ge=0, le=100)] = 6
    """Most past exchanges sent to the model."""
    history_tokens: Annotated[int, Field(ge=0, le=1_000_000)] = 2000
    """Most tokens of past exchanges sent to the model; the latest go first, and stay whole."""
    side_timeout_s: Annotated[float, Field(ge=0, le=60)] = 4.0
    """Seconds the model may take to rewrite a follow-up, after which a rule does, or to suggest
    questions; 0 never asks it."""


class Settings(BaseSettings):
    """All settings. Unknown `KB_*` names are refused at start."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        use_attribute_docstrings=True,
    )

    data_dir: Path = Path("data")
    """Folder that holds everything: database, originals, indexes, keys."""
    admin_key: Annotated[SecretStr, AfterValidator(hard_to_guess)] | None = None
    """The operator's key, of at least 32 characters. Unset: generated at first start into
    `admin.key` in the data folder."""
    secret_key: Annotated[SecretStr, AfterValidator(hard_to_guess)] | None = None
    """For several machines: keys the hashes of access keys and seals providers' keys, the same for
    every process. Unset: generated at first start into `secret.key` in the data folder."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """How much is logged."""
    log_format: Literal["text", "json"] = "text"
    """Lines for people, or one JSON object a line, for programs."""
    traces: bool = False
    """Send spans by OTLP over HTTP to where `OTEL_EXPORTER_OTLP_ENDPOINT` says, with the extra
    `otel`; the other usual `OTEL_` variables count as well."""
    server: ServerSettings = ServerSettings()
    embedding: EmbeddingSettings = EmbeddingSettings()
    llm: LlmSettings = LlmSettings()
    ingest: IngestSettings = IngestSettings()
    search: SearchSettings = SearchSettings()
    rerank: RerankSettings = RerankSettings()
    transcription: TranscriptionSettings = TranscriptionSettings()
    chat: ChatSettings = ChatSettings()
    maintenance: MaintenanceSettings = MaintenanceSettings()
    webhooks: WebhookSettings = WebhookSettings()
    tuning: TuningSettings = TuningSettings()
    database: DatabaseSettings = DatabaseSettings()
    chroma: ChromaSettings = ChromaSettings()
    blobs: BlobSettings = BlobSettings()
    ray: RaySettings = RaySettings()

    @property
    def is_cluster(self) -> bool:
        """Whether rows, vectors and originals live on servers that processes share."""
        return self.database.url is not None

    def check_cluster(self, command: str) -> None:
        """Raises Rejected where a command makes no sense because one process does everything."""
        if not self.is_cluster:
            raise Rejected(
                f"`{command}` is for several processes that share Postgres, a Chroma server and "
                f"S3: set KB_DATABASE__URL, KB_CHROMA__URL and KB_BLOBS__URL. With a data folder, "
                f"`kb serve` does all the work itself."
            )


def known_names() -> set[str]:
    """Every environment variable that is understood, in upper case."""
    names: set[str] = set()
    for name, field in Settings.model_fields.items():
        section = field.annotation
        if isinstance(section, type) and issubclass(section, Section):
            names |= {f"{PREFIX}{name}__{inner}".upper() for inner in section.model_fields}
        else:
            names.add(f"{PREFIX}{name}".upper())
    return names


def load_settings(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings; refuse misspelt names, which pydantic-settings would ignore.

    Raises:
        Rejected: an unknown `KB_*` name, a value out of bounds, or settings of a cluster of which
            some are missing.
    """
    _refuse_unknown([*environ, *_dotenv_names()])
    try:
        settings = Settings()
    except ValidationError as exc:
        raise Rejected(_what_is_wrong(exc)) from None  # the original holds the values, and secrets
    check_together(
        settings.database, settings.chroma, settings.blobs, settings.admin_key, settings.secret_key
    )
    return settings


def _what_is_wrong(exc: ValidationError) -> str:
    found = exc.errors(include_url=False, include_input=False, include_context=False)
    return " ".join(
        f"{PREFIX}{'__'.join(map(str, error['loc'])).upper()}: "
        f"{error['msg'].removeprefix('Value error, ')}."
        for error in found
    )


def _dotenv_names() -> list[str]:
    path = Path(".env")
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line.split("=", 1)[0].removeprefix("export ").strip() for line in lines if "=" in line]


def _refuse_unknown(names: Iterable[str]) -> None:
    known = known_names()
    strangers = sorted(
        {n for n in names if n.upper().startswith(PREFIX) and n.upper() not in known}
    )
    if strangers:
        raise Rejected(
            f"Unknown setting {', '.join(strangers)}. The known ones are in docs/settings.md."
        )
