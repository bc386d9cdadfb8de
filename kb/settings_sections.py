"""What a section of the settings is, and those that stand by themselves."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator


class Section(BaseModel):
    """Settings that share a prefix."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class WebhookSettings(Section):
    """How events are sent to webhooks."""

    timeout_s: Annotated[float, Field(gt=0, le=300)] = 15.0
    """Seconds a receiver has to answer."""
    first_retry_s: Annotated[float, Field(gt=0, le=3600)] = 10.0
    """Seconds until an event that was not taken is sent again. Each further wait is three times as
    long, a day at most, and a fifth more or less. After ten tries, 27 hours with 10 s, the event is
    given up."""


class TranscriptionSettings(Section):
    """A server that writes down what is said in recordings. Unset: recordings are refused."""

    base_url: str | None = None
    """OpenAI-compatible endpoint with `/audio/transcriptions`, up to and including `/v1`."""
    api_key: SecretStr | None = None
    """Its key; local servers usually need none."""
    model: str = "whisper-1"
    """Model name at that endpoint."""
    timeout_s: Annotated[float, Field(gt=0, le=7200)] = 900.0
    """Seconds to wait for the transcript of one recording."""
    retries: Annotated[int, Field(ge=0, le=10)] = 2
    """Further tries after a failure that may pass, such as 429, 503 or no answer."""
    max_bytes: Annotated[int, Field(ge=1)] = 25 * 1024 * 1024
    """Largest recording sent; OpenAI takes 25 MiB. It is sent whole."""


class TuningBackendSettings(Section):
    """A service that trains models elsewhere."""

    kind: Literal["openai", "azure", "dashscope"]
    """Whose API it speaks."""
    base_url: str
    """Where: `https://api.openai.com/v1`, `https://NAME.openai.azure.com/openai/v1` or
    `https://dashscope.aliyuncs.com`."""
    api_key: SecretStr
    """Its key."""
    poll_s: Annotated[float, Field(gt=0, le=3600)] = 30.0
    """Seconds between two looks at a job."""


class TuningSettings(Section):
    """Training models on this machine. Nothing leaves it unless a backend is configured for it."""

    models: Path | None = None
    """Folder with base models, each a folder of safetensors named as the model. Unset:
    `tuning/bases` of the data folder."""
    python: str | None = None
    """Interpreter that runs the trainer, where the extra `tune` is installed in an environment of
    its own. Unset: the server's."""
    memory_bytes: Annotated[int, Field(ge=256 * 1024 * 1024)] = 16 * 1024**3
    """Most memory a trainer may take; one that takes more is ended, and its job says so."""
    max_hours: Annotated[float, Field(gt=0, le=1000)] = 24.0
    """Longest time that one job may train."""
    silent_s: Annotated[float, Field(gt=0, le=86_400)] = 900.0
    """Seconds without a sign of life after which a trainer is ended and resumed once."""
    backends: Mapping[str, TuningBackendSettings] = {}
    """Services that may train as well, as JSON: a name → `kind` (`openai`, `azure`, `dashscope`),
    `base_url`, `api_key`. A job that names one sends its rows there."""
    serve_key: SecretStr | None = None
    """Bearer token that `kb tune serve` asks requests for. Unset: it asks for none."""
    vllm_adapters: Path | None = None
    """Folder that vLLM's `lora_filesystem_resolver` looks into: adapters are copied there when they
    are published with `"serving": "vllm"`."""


class EmbeddingSettings(Section):
    """The model that turns text into vectors."""

    model: str = "bundled"
    """`bundled` (multilingual-e5-small, a hundred languages, offline), `bundled-en`
    (all-MiniLM-L6-v2, English, offline, twice as fast), `hash` (no meaning, for tests), or any
    sentence-transformers id or folder that is already on this machine. With `base_url`, the
    model's name there."""
    threads: Annotated[int, Field(ge=0, le=256)] = 0
    """Processor threads for embedding; 0 takes one per core."""
    batch_size: Annotated[int, Field(ge=1, le=256)] = 16
    """Texts per model call. Memory grows with it; above 32 speed does not. With `base_url`, texts
    per request, where it is set; otherwise what the style allows."""
    base_url: str | None = None
    """A server that embeds: OpenAI-compatible (vLLM, Infinity, LocalAI, …) up to and including
    `/v1`, or one of the other styles. Unset: the model runs in this process."""
    api_key: SecretStr | None = None
    """Its key; local servers usually need none."""
    style: Literal["openai", "tei", "jina", "cohere", "voyage"] | None = None
    """What it speaks. Unset: told by the address (the hosts of Jina, Cohere and Voyage; `/embed` at
    its end: text-embeddings-inference), otherwise `openai`."""
    max_tokens: Annotated[int, Field(ge=32, le=1_000_000)] = 512
    """Tokens that the model at `base_url` reads of one text. Ours are counted by another tokenizer,
    so 65 % of it are used."""
    dimensions: Annotated[int, Field(ge=2, le=65_536)] | None = None
    """Numbers of a vector to ask `base_url` for, if the model lets one choose. Unset: its own."""
    document_prompt: str = ""
    """Put before each passage that is sent to `base_url`, such as `passage: ` for E5. A change
    makes other vectors: re-index."""
    query_prompt: str = ""
    """Put before each question that is sent to `base_url`."""
    timeout_s: Annotated[float, Field(gt=0, le=600)] = 30.0
    """Seconds for one batch of passages at `base_url`, further tries included."""
    question_timeout_s: Annotated[float, Field(gt=0, le=60)] = 5.0
    """Seconds a question waits for `base_url`; then its words are searched alone."""
    retries: Annotated[int, Field(ge=0, le=10)] = 3
    """Further tries of a batch after a failure that may pass, such as 429 or 503."""
    requests: Annotated[int, Field(ge=1, le=64)] = 4
    """Batches sent to `base_url` side by side."""

    @model_validator(mode="after")
    def _is_named(self) -> Self:
        if self.base_url is not None and "model" not in self.model_fields_set:
            raise ValueError("model must name the model at base_url")
        return self


class MaintenanceSettings(Section):
    """Work that nobody waits for."""

    erase_after_s: Annotated[float, Field(ge=0, le=900)] = 60.0
    """Seconds after a deletion until the bytes are erased too; what is deleted meanwhile goes
    along. A large folder waits longer, 15 minutes at most, so that erasing takes a tenth of the
    time."""
    keep_retired_s: Annotated[float, Field(ge=0, le=31_536_000)] = 86_400.0
    """Seconds for which a generation that was replaced is kept up, to roll back to."""
