"""A rule of the switch that asks for the intent of a question, as a trained classifier tells it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from kb.apps import configuring
from kb.errors import NotFound, Rejected
from kb.knowledge_base import KnowledgeBase
from kb.models.classify.classifier import Classifier
from kb.types import RoutePolicy, RouteRule, Variant
from tests.chatting import message
from tests.parts import ADMIN, ask, publish
from tests.tuned import store

REFUND, WEATHER = "I want my money back", "Will it rain tomorrow"


def write(folder: Path, kb: KnowledgeBase) -> None:
    """A classifier that knows two questions, on vectors of the hash embedder."""
    folder.mkdir(parents=True)
    known = np.concatenate([kb.embedder.embed_query(text) for text in (REFUND, WEATHER)])
    head = {"weight": (20 * known).astype(np.float32), "bias": np.zeros(2, np.float32)}
    save_file(head, folder / "head.safetensors")
    (folder / "labels.json").write_text(json.dumps(["refund", "weather"]))
    (folder / "tuned.json").write_text(json.dumps({"task": "classify", "encoder": "hash"}))


def policy(classifier: str, **conditions) -> RoutePolicy:
    rule = RouteRule(variant="tuned", intent="refund", classifier=classifier, **conditions)
    return RoutePolicy(rules=(rule,))


def route_of(kb: KnowledgeBase, slug: str, question: str) -> tuple[str, str]:
    route = message(kb, ask(kb, slug, question)).route
    return route.variant, route.reason.partition(",")[0]


def test_a_question_of_the_intent_goes_to_tuned_and_others_to_base(kb):
    name = "ft:hash:citewell:intents:1"
    kb.database.writing(store, name, "classify", "intents/model")
    write(kb.folder.tuning / "intents" / "model", kb)
    tuned = Variant("echo", retrieval=None)
    publish(kb, "intents", base=Variant("echo", retrieval=None), tuned=tuned)
    kb.database.writing(configuring.set_switch, ADMIN, "intents", policy(name))
    assert route_of(kb, "intents", REFUND) == ("tuned", "rule")
    assert route_of(kb, "intents", WEATHER) == ("base", "default")
    both = policy(name, keywords=("invoice",))
    kb.database.writing(configuring.set_switch, ADMIN, "intents", both)
    assert route_of(kb, "intents", REFUND) == ("base", "default"), "all conditions have to hold"


def test_a_classifier_that_cannot_be_used_decides_nothing(kb):
    name = "ft:hash:citewell:gone:1"
    kb.database.writing(store, name, "classify", "gone/model")
    publish(kb, "gone", base=Variant("echo", retrieval=None), tuned=Variant("echo", retrieval=None))
    kb.database.writing(configuring.set_switch, ADMIN, "gone", policy(name))
    assert route_of(kb, "gone", REFUND) == ("base", "default")
    write(kb.folder.tuning / "gone" / "model", kb)
    assert route_of(kb, "gone", REFUND) == ("tuned", "rule"), "it is looked for again"
    with pytest.raises(NotFound):
        kb.database.writing(configuring.set_switch, ADMIN, "gone", policy("ft:none"))


def test_a_folder_without_a_classifier_is_refused_with_its_name(tmp_path: Path):
    with pytest.raises(Rejected, match="no classifier in"):
        Classifier.of(tmp_path)
