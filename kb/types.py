"""The nouns of the product: frozen values that every stage passes on and none changes.

SQL rows and wire models never travel between packages; these do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Permission = Literal["admin", "ingest", "search", "chat"]
KeyKind = Literal["admin", "dataset", "app", "widget"]
DocumentStatus = Literal["pending", "indexing", "ready", "failed", "removed"]
SearchMode = Literal["hybrid", "vector", "keyword"]
VariantName = Literal["base", "tuned"]
FinishReason = Literal["stop", "length", "refused", "filtered"]

DEFAULT_WORKSPACE = "default"


@dataclass(frozen=True, slots=True)
class Scope:
    """Who is asking and what they may touch. Every store call takes one; none takes a bare id.

    `datasets` and `apps` are the ids that may be seen; None means all of the workspace.
    `end_user` narrows conversations to one person behind an app key.
    """

    permissions: frozenset[Permission]
    datasets: frozenset[str] | None = None
    apps: frozenset[str] | None = None
    end_user: str | None = None
    key_id: str | None = None
    workspace: str = DEFAULT_WORKSPACE

    @classmethod
    def admin(cls) -> Scope:
        """The scope of the operator: the admin key, the console and the command line."""
        return cls(frozenset({"admin", "ingest", "search", "chat"}))

    def may(self, permission: Permission) -> bool:
        """Whether this scope holds a permission."""
        return permission in self.permissions


# --- what a document becomes ---


@dataclass(frozen=True, slots=True)
class SplitOptions:
    """How a dataset's text is cut; sizes are tokens of the embedder. None: what it reads best."""

    mode: Literal["auto"] = "auto"
    max_tokens: int | None = None
    overlap: int = 0


@dataclass(frozen=True, slots=True)
class Processing:
    """A dataset's cleaning rules (name → on or off; absent: the default) and its splitting."""

    clean: Mapping[str, bool] = field(default_factory=dict)
    split: SplitOptions = SplitOptions()


@dataclass(frozen=True, slots=True)
class Dataset:
    """A named set of documents under one embedder and one index generation."""

    id: str
    name: str
    description: str
    processing: Processing
    embedder: str
    generation: int
    created_at: str


@dataclass(frozen=True, slots=True)
class Failure:
    """Why something did not work: a stable code and a sentence that says what to do."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Document:
    """One uploaded file. `name` (a relative path) is its key within the dataset.

    `version` counts uploads of other bytes under the same name; `live_version` is the one that
    answers questions (None until the first is ready). `receipt` accounts for every character.
    """

    id: str
    dataset_id: str
    name: str
    version: int
    live_version: int | None
    media_type: str
    sha256: str
    size_bytes: int
    metadata: Mapping[str, Any]
    status: DocumentStatus
    error: Failure | None
    chunk_count: int
    receipt: Mapping[str, Any] | None
    batch_id: str | None
    created_at: str
    updated_at: str


@dataclass(frozen=True, slots=True)
class Page:
    """One page of decoded text, Unicode NFC, never changed again: it is what citations quote."""

    number: int
    text: str


@dataclass(frozen=True, slots=True)
class Span:
    """Characters `start` to `end` (exclusive) of one page's text."""

    page: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Chunk:
    """A searchable piece of a document.

    `text` is the concatenation of its spans' slices of page text; usually one span, two where a
    sentence runs over a page break. `index_text` = heading path + text without what cleaning
    removes: it is what is embedded, searched and put into the prompt.
    """

    id: str
    document_id: str
    index: int
    spans: tuple[Span, ...]
    text: str
    heading: str
    index_text: str


# --- what a question finds ---


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk found by a search. Higher scores are better, always; `why` explains them."""

    chunk: Chunk
    dataset_id: str
    document_name: str
    score: float
    why: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Retrieval:
    """A retrieval profile: how a variant looks for its context."""

    top_k: int = 8
    mode: SearchMode = "hybrid"
    min_score: float = 0.0
    context_tokens: int = 3000


@dataclass(frozen=True, slots=True)
class Source:
    """A hit with the number under which an answer may cite it (from 1)."""

    n: int
    hit: Hit


@dataclass(frozen=True, slots=True)
class Citation:
    """A mark in an answer and the characters it rests on: `quote == page.text[start:end]`, always.

    `answer_start` and `answer_end` say where the mark stands in the answer, in characters.
    """

    n: int
    answer_start: int
    answer_end: int
    chunk_id: str
    document_id: str
    document_name: str
    page: int
    start: int
    end: int
    quote: str


# --- apps ---


@dataclass(frozen=True, slots=True)
class Model:
    """A language model behind an OpenAI-compatible endpoint, as the operator registered it.

    `style` "completion" sends one text that ends in `separator`; separator and stop are verbatim.
    `api_key` is a secret: it is encrypted at rest and never leaves through the API.
    """

    name: str
    provider: str
    base_url: str | None
    model: str
    style: Literal["chat", "completion"] = "chat"
    separator: str = ""
    stop: tuple[str, ...] = ()
    price_in: float | None = None
    price_out: float | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    api_key: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to answer: a model, its hidden prompt and its retrieval profile.

    `model` names a registered model; None takes the configured default, and "extractive" answers
    without one. `retrieval` None is plain chat. `prompt` None takes the app's prompt.
    """

    model: str | None = None
    prompt: str | None = field(default=None, repr=False)
    retrieval: Retrieval | None = Retrieval()
    temperature: float | None = None
    max_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class InputVariable:
    """A value that the client may hand to the hidden prompt as `{{inputs.name}}`."""

    name: str
    required: bool = False
    default: str = ""


@dataclass(frozen=True, slots=True)
class AppContent:
    """What an app answers with. The draft holds one; publishing freezes it under a number."""

    prompt: str = field(default="", repr=False)
    inputs: tuple[InputVariable, ...] = ()
    dataset_ids: tuple[str, ...] = ()
    base: Variant = Variant()
    tuned: Variant | None = None
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class AppVersion:
    """A published, immutable content of an app."""

    app_id: str
    version: int
    content: AppContent
    created_at: str


@dataclass(frozen=True, slots=True)
class RouteRule:
    """Sends a question to a variant when its text contains one of the keywords."""

    keywords: tuple[str, ...]
    variant: VariantName


@dataclass(frozen=True, slots=True)
class RoutePolicy:
    """The fine-tune switch of an app: `percent` is the tuned share in "split" mode."""

    mode: Literal["base", "tuned", "split"] = "base"
    percent: int = 0
    rules: tuple[RouteRule, ...] = ()


@dataclass(frozen=True, slots=True)
class App:
    """A chat application over datasets. `version` is the published one, None if there is none."""

    id: str
    slug: str
    name: str
    icon: str
    opening: str
    suggested_questions: tuple[str, ...]
    route: RoutePolicy
    version: int | None
    created_at: str


@dataclass(frozen=True, slots=True)
class Key:
    """An access key as stored: its secret is known only as a keyed hash."""

    id: str
    kind: KeyKind
    name: str
    dataset_ids: tuple[str, ...]
    app_id: str | None
    created_at: str
    revoked_at: str | None


# --- conversations and answers ---


@dataclass(frozen=True, slots=True)
class Route:
    """Which variant answers, why, and with which model."""

    variant: VariantName
    reason: str
    model: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one answer. `prompt_hidden` is the part of the prompt that only admins may see."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    estimated: bool = True
    prompt_hidden: int = 0


@dataclass(frozen=True, slots=True)
class Turn:
    """One past exchange of a conversation, as the model sees it."""

    query: str
    answer: str


@dataclass(frozen=True, slots=True)
class Conversation:
    """A sequence of messages with one app. `variant` pins the route once a question has set it."""

    id: str
    app_id: str
    name: str
    end_user: str | None
    variant: VariantName | None
    created_at: str
    updated_at: str


@dataclass(frozen=True, slots=True)
class Message:
    """One question and its answer, as stored when the run ended."""

    id: str
    conversation_id: str
    run_id: str
    app_id: str
    app_slug: str
    app_version: int
    query: str
    answer: str
    status: Literal["completed", "failed", "cancelled"]
    finish_reason: FinishReason | None
    grounded: bool | None
    route: Route
    sources: Sequence[Mapping[str, Any]]
    citations: tuple[Citation, ...]
    usage: Usage
    timings_ms: Mapping[str, float]
    error: Failure | None
    created_at: str


# --- run events: the only thing an answer is ---


@dataclass(frozen=True, slots=True)
class Started:
    """First event of a run."""

    run_id: str
    conversation_id: str
    message_id: str
    app_slug: str
    app_version: int


@dataclass(frozen=True, slots=True)
class Routed:
    """The variant that answers; sent again if a fallback happens before the first token."""

    route: Route


@dataclass(frozen=True, slots=True)
class Sources:
    """What the search found and the answer may cite; absent in plain chat."""

    query: str
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class Delta:
    """The next characters of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class Cited:
    """A citation whose mark has just been written."""

    citation: Citation


@dataclass(frozen=True, slots=True)
class Completed:
    """The answer is whole. `answer` equals the concatenated deltas."""

    message_id: str
    finish_reason: FinishReason
    answer: str
    citations: tuple[Citation, ...]
    grounded: bool | None
    route: Route
    usage: Usage
    cost: float | None
    timings_ms: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Failed:
    """The run ended without a whole answer."""

    error: Failure
    retryable: bool


@dataclass(frozen=True, slots=True)
class Cancelled:
    """Somebody stopped the run, or everybody left."""

    reason: str


RunEvent = Started | Routed | Sources | Delta | Cited | Completed | Failed | Cancelled
TERMINAL_EVENTS = (Completed, Failed, Cancelled)


# --- pieces of a generated answer, before they become events ---


@dataclass(frozen=True, slots=True)
class TextPiece:
    """Characters from the answerer; may hold `[n]` marks, split anywhere."""

    text: str


@dataclass(frozen=True, slots=True)
class EndPiece:
    """What the answerer knows at the end. Zero tokens: the provider did not count."""

    finish_reason: FinishReason = "stop"
    prompt_tokens: int = 0
    completion_tokens: int = 0
    grounded: bool | None = None


Piece = TextPiece | EndPiece
