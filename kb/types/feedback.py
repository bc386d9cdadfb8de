"""What people say about answers: feedback on one message, and answers fixed for a question."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Rating = Literal["like", "dislike"]
FeedbackSource = Literal["user", "operator"]


@dataclass(frozen=True, slots=True)
class Feedback:
    """What one side thinks of an answer: its users together, or the operator.

    `better_answer` is what should have been said; it changes no answer by itself.
    """

    message_id: str
    source: FeedbackSource
    rating: Rating | None
    text: str
    better_answer: str
    created_at: str
    updated_at: str


@dataclass(frozen=True, slots=True)
class Annotation:
    """An answer that the operator has fixed for a question of an app; no model is asked then.

    `message_id` is the answer that it was made from, None if it was written freely.
    """

    id: str
    app_id: str
    question: str
    answer: str
    message_id: str | None
    created_at: str
