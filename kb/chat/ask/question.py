"""What is asked of an app, the question with all that is stored about it, and what answers it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from kb.chat.ask.chat_models import OpenModel
from kb.chat.ask.inputs import InputValue
from kb.chat.ask.routing import RouteRequest
from kb.chat.ask.searched_in import SearchedIn
from kb.chat.guard.allowed import Guarded
from kb.errors import Rejected
from kb.protocols import Prompt, Sampling
from kb.text.languages import spoken_language
from kb.types import (
    App,
    AppContent,
    AppVersion,
    Conversation,
    FixedMatch,
    Hit,
    Message,
    Piece,
    Price,
    PublishedDataset,
    Retrieval,
    Route,
    Scope,
    Source,
    Turn,
    VariantName,
)

MAX_QUERY_CHARACTERS = 32_000
MAX_TEMPERATURE = 2.0
MAX_STOPS = 4
"""Most texts that end an answer: what OpenAI's API takes."""

MAX_STOP_CHARACTERS = 200
CUT = " …"

Found = dict[Retrieval, tuple[list[Hit], float, bool]]
"""What was searched for a question, by profile, the milliseconds of each search, and whether it
went by words alone because the embedder did not answer."""


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A question to an app.

    `replay_of` is the message that is asked again, with its history, beside its conversation.
    `history` are the turns before, oldest first, from a caller that keeps them itself: they stand
    in for a stored conversation, and the answer is stored as the first of a new one.
    `external_id` is what a new conversation can be found under.
    `replaces` is the message of the conversation whose place the answer takes; those behind it go
    with it.
    What a variant sets as `temperature` and `max_tokens` is the most that `sampling` may ask for;
    where it sets none, the question's count.
    `instructions` are the caller's own, which a model reads before the question, as the user's
    words: they never replace the app's prompt, and are neither searched nor stored.
    `is_plain` asks without a search, `searched_in` searches elsewhere than the app. `model` asks a
    registered model by its name instead of an app, for admins.
    """

    query: str
    conversation_id: str | None = None
    inputs: Mapping[str, InputValue] = field(default_factory=dict)
    route: RouteRequest = "auto"
    version: int | None = None
    end_user: str | None = None
    replay_of: Message | None = None
    history: Sequence[Turn] | None = None
    sampling: Sampling = Sampling()
    instructions: str = ""
    is_plain: bool = False
    model: str | None = None
    external_id: str | None = None
    replaces: str | None = None
    searched_in: SearchedIn | None = None

    def checked(self) -> ChatRequest:
        """The same with a query that can be searched and sent. Raises Rejected."""
        if self.history is not None and self.conversation_id is not None:
            raise Rejected("Send either a `conversation_id` or a history of your own.")
        _check(self.sampling)
        return replace(self, query=checked_query(self.query))


@dataclass(frozen=True, slots=True)
class RunIdentity:
    """Which answer a run makes, and what decides who may see it: a replay only admins.

    `datasets` are those that the answering version was published with.
    """

    run_id: str
    conversation_id: str
    message_id: str
    app_id: str
    key_id: str | None = None
    end_user: str | None = None
    is_replay: bool = False
    external_id: str | None = None
    query: str = ""
    datasets: tuple[PublishedDataset, ...] = ()


@dataclass(frozen=True, slots=True)
class ChatQuestion:
    """A checked question with what is stored about it, loaded once.

    Attributes:
        conversation: the one that it goes on with, None for a new one.
        history: the turns that the answering model gets.
        earlier_sources: the texts that they were answered from.
        fixed_answer: the operator's own for this question.
        search_query: the question in words that can be searched without the history.
        began: when it came, in seconds of `time.perf_counter`.
    """

    scope: Scope
    request: ChatRequest
    app: App
    version: AppVersion
    identity: RunIdentity
    inputs: Mapping[str, str]
    conversation: Conversation | None
    history: tuple[Turn, ...]
    earlier_sources: tuple[str, ...]
    fixed_answer: FixedMatch | None
    search_query: str
    began: float
    rewrite_ms: float = 0.0

    @property
    def query(self) -> str:
        """The question in the user's words."""
        return self.request.query

    @property
    def content(self) -> AppContent:
        """What the version holds."""
        return self.version.content

    @property
    def dataset_ids(self) -> tuple[str, ...]:
        """Where it is searched."""
        given = self.request.searched_in
        return tuple(self.content.dataset_ids if given is None else given.dataset_ids)

    @property
    def is_searched(self) -> bool:
        """Whether some variant of the app searches at all."""
        variants = filter(None, (self.content.base, self.content.tuned))
        searches = bool(self.dataset_ids) and not self.request.is_plain
        return searches and any(v.retrieval for v in variants)

    @property
    def pinned(self) -> VariantName | None:
        """A replay keeps to the variant that answered before, so that only the version differs."""
        if self.request.replay_of is not None:
            return self.request.replay_of.route.variant
        return self.conversation.variant if self.conversation else None

    @property
    def said_before(self) -> tuple[str, ...]:
        """What tells in which language the user is spoken to, where the question does not."""
        asked = (turn.query for turn in self.history)
        return (self.app.opening, *self.app.suggested_questions, *asked)

    @property
    def language(self) -> str:
        """In which the user is spoken to: a key of the fixed sentences."""
        return spoken_language(self.query, self.said_before)

    def rewritten(self, search_query: str, ms: float) -> ChatQuestion:
        """The same, to be searched in other words, which took so many milliseconds to find."""
        return replace(self, search_query=search_query, rewrite_ms=self.rewrite_ms + ms)

    def elapsed_ms(self) -> float:
        """Milliseconds since the question came in."""
        return (time.perf_counter() - self.began) * 1000


@dataclass(frozen=True, slots=True)
class DraftStep:
    """The first of two models in sequence; `finish` makes the second's prompt of what it wrote.

    `pieces` are the draft where sentences of the documents are it.
    """

    prompt: Prompt
    finish: Callable[[str], Prompt]
    model: OpenModel | None
    pieces: tuple[Piece, ...] = ()


@dataclass(frozen=True, slots=True)
class PreparedVariant:
    """One variant, ready to answer.

    Attributes:
        sources: None in plain chat.
        model: None where no model is asked: `pieces` are the answer then, whole.
        guarded: what its model must not give away.
        is_weak: the sources may not answer the question.
        fixed: the operator's answer that it gives.
    """

    route: Route
    prompt: Prompt
    sources: tuple[Source, ...] | None = None
    model: OpenModel | None = None
    pieces: tuple[Piece, ...] = ()
    price: Price = field(default_factory=Price)
    draft: DraftStep | None = None
    guarded: Guarded = field(default_factory=Guarded)
    is_weak: bool = False
    found: Found = field(default_factory=dict)
    fixed: FixedMatch | None = None

    @property
    def search_ms(self) -> float:
        """Milliseconds of all searches."""
        return sum(ms for _, ms, _ in self.found.values())


def _check(asked: Sampling) -> None:
    if asked.temperature is not None and not 0 <= asked.temperature <= MAX_TEMPERATURE:
        raise Rejected(f"`temperature` must be a number from 0 to {MAX_TEMPERATURE:g}.")
    if asked.max_tokens is not None and asked.max_tokens < 1:
        raise Rejected("`max_tokens` must be 1 or more.")
    if asked.top_p is not None and not 0 < asked.top_p <= 1:
        raise Rejected("`top_p` must be over 0 and at most 1.")
    if len(asked.stop) > MAX_STOPS or not all(
        0 < len(text) <= MAX_STOP_CHARACTERS for text in asked.stop
    ):
        raise Rejected(
            f"`stop` may hold {MAX_STOPS} texts of 1 to {MAX_STOP_CHARACTERS} characters."
        )


def checked_query(query: str, field: str = "query") -> str:
    """The question as it is searched and sent: valid Unicode, without NUL and outer blanks.

    Args:
        field: the caller's name for it.

    Raises:
        Rejected: it is empty or too long.
    """
    query = query.encode("utf-8", "replace").decode().replace("\0", "").strip()
    if not query:
        raise Rejected(f"The question is empty. Send some text in `{field}`.")
    if len(query) > MAX_QUERY_CHARACTERS:
        raise Rejected(f"The question is over {MAX_QUERY_CHARACTERS} characters. Shorten it.")
    return query


def within_budget(
    turns: Sequence[Turn], count: Callable[[str], int], budget_tokens: int
) -> tuple[Turn, ...]:
    """The latest turns that fit, oldest first, without gaps.

    Turns stay whole, but the latest is always there while there is a budget: if it does not
    fit, its answer is cut, because a follow-up most likely asks about how it begins.

    Args:
        turns: oldest first.
        count: tokens of a text, in the model's own count or an estimate.
    """
    kept: list[Turn] = []
    left = budget_tokens
    for turn in reversed(turns):
        cost = count(turn.query) + count(turn.answer)
        if cost > left:
            break
        kept.append(turn)
        left -= cost
    if not kept and turns and budget_tokens > 0:
        query = _beginning(turns[-1].query, count, budget_tokens)
        left = budget_tokens - count(query)
        return (Turn(query, _beginning(turns[-1].answer, count, left)),)
    return tuple(reversed(kept))


def _beginning(text: str, count: Callable[[str], int], budget_tokens: int) -> str:
    """The longest beginning within the budget, found by halving."""
    if count(text) <= budget_tokens:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if count(text[:middle] + CUT) <= budget_tokens:
            low = middle
        else:
            high = middle - 1
    return text[:low] + CUT if low else ""
