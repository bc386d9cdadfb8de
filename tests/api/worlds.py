"""Two tenants on one server, everything of theirs marked, and callers of every kind.

`FOREIGN` is in every text of theirs, `TALK` in what one of their users said, `HIDDEN` in prompts
and `PROVIDER` in the key of a model provider. `SECRET` is in a document of theirs with a label that
only `insiders` carry.
"""

from __future__ import annotations

import json
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import update

from kb.access import end_users
from kb.ids import new_id, now
from kb.models.fake.server import FakeModelServer
from kb.settings import ChatSettings
from kb.store.engine import schema
from kb.store.tuning import jobs
from kb.store.tuning.jobs import NewEvent
from kb.types import Scope, TuningJob
from tests.api.serving import Served, serving
from tests.fake_models import running_fake_server
from tests.kits import IS_CLUSTER, kit_environment
from tests.server import running_server, running_worker

FOREIGN, TALK = "foreign-marker", "talk-marker"
HIDDEN, PROVIDER = "hidden-marker", "provider-marker"
SECRET, LABEL = "secret-marker", "board"
ORIGIN = "https://shop.example"
GRACE_S = 3600
"""An answer that was left outlasts the slowest machine."""
MANY = {"requests_per_minute": 1_000_000, "concurrent_streams": 1_000}

TALKED = ("conversation_id", "message_id", "run_id")

STRANGERS = (
    "no key",
    "malformed",
    "revoked",
    "expired",
    "another dataset's",
    "another app's",
    "another app's widget",
    "a widget elsewhere",
)
NEIGHBOURS = ("another user's server", "another user's widget", "a new visitor's widget")


@dataclass
class World:
    """`theirs` and `absent` fill the parameters of operations; `callers` come from outside."""

    served: Served
    models: FakeModelServer
    theirs: dict[str, Any] = field(default_factory=dict)
    absent: dict[str, Any] = field(default_factory=dict)
    owners: dict[str, httpx.Client] = field(default_factory=dict)
    strangers: dict[str, httpx.Client] = field(default_factory=dict)
    neighbours: dict[str, httpx.Client] = field(default_factory=dict)
    insiders: dict[str, httpx.Client] = field(default_factory=dict)


@contextmanager
def two_tenants(data_dir: Path) -> Iterator[World]:
    """On the second kit callers come to any of two API processes, beside a worker."""
    with (
        beside(data_dir) as others,
        serving(data_dir, others, chat=ChatSettings(grace_s=GRACE_S)) as served,
        running_fake_server() as models,
    ):
        world = World(served, models)
        _theirs(world)
        _absent(world)
        _callers(world)
        yield world


@contextmanager
def beside(data_dir: Path) -> Iterator[list[str]]:
    """The addresses of other processes on what that folder has on servers."""
    if not IS_CLUSTER:
        yield []
        return
    shared = kit_environment(data_dir) | {"KB_CHAT__GRACE_S": str(GRACE_S)}
    with (
        running_server(data_dir.with_name("api"), "--no-ingest", **shared) as api,
        running_worker(data_dir.with_name("worker"), **shared),
    ):
        yield [api.url]


def without_ids(text: str, ids: dict[str, Any]) -> str:
    """A text that says the same of what is absent, where it says nothing but the ids asked for."""
    for name, value in ids.items():
        if isinstance(value, str) and name != "user":
            text = text.replace(value, f"<{name}>")
    return text


def visitor(
    served: Served, made: dict[str, Any], end_user: str | None, labels: tuple[str, ...] = ()
) -> httpx.Client:
    """A browser on the page of a widget; `end_user` is signed as the page's owner does."""
    client = served.client(made["key"])
    client.headers["origin"] = ORIGIN
    if end_user is not None:
        expires = int(time.time()) + 3600
        token = end_users.sign(made["signing_secret"], end_user, expires, labels)
        client.headers["x-end-user-token"] = token
    return client


def expire(served: Served, key_id: str) -> None:
    """Let a key's time be over."""
    values = {"expires_at": "2020-01-01T00:00:00.000Z"}
    with served.kb.database.write() as tx:
        tx.execute(update(schema.keys).where(schema.keys.c.id == key_id).values(**values))


def _theirs(world: World) -> None:
    served, theirs = world.served, world.theirs
    model = {"name": f"{FOREIGN}-model", "model": "echo", "base_url": world.models.base_url}
    served.post("/v1/models", {**model, "provider": "openai", "api_key": PROVIDER})
    dataset = served.post("/v1/datasets", {"name": FOREIGN, "description": FOREIGN})["id"]
    documents = served.upload(dataset, {f"{FOREIGN}.md": f"The {FOREIGN} says that beta is two."})
    listed = served.http.get(f"/v1/datasets/{dataset}/documents").json()["data"]
    told = f"The {SECRET} tells nobody else of beta, which is three."
    secret = served.upload(dataset, {f"{SECRET}.md": told}, labels=LABEL)
    secret_id = secret[f"{SECRET}.md"]
    app = _their_app(served, dataset)
    ask = {"query": f"What is beta {TALK}?", "stream": False, "user": "ann"}
    answer = served.post(f"/v1/apps/{app}/chat", ask, status=200)
    key = served.post(f"/v1/apps/{app}/keys", {"name": FOREIGN})
    fixed = {"question": f"What is the {FOREIGN}?", "answer": f"A {FOREIGN}."}
    annotation = served.post(f"/v1/apps/{app}/annotations", fixed)
    hook = {"url": f"{world.models.base_url}/{FOREIGN}", "events": ["batch.completed"]}
    webhook = served.post("/v1/webhooks", hook)
    delivery = served.post(f"/v1/webhooks/{webhook['id']}/test", status=202)
    theirs |= {
        "dataset_id": dataset,
        "dataset_ids": [dataset],
        "chunk_id": f"{documents[f'{FOREIGN}.md']}.1.1.0",  # holds the next one
        "document_id": documents[f"{FOREIGN}.md"],
        "/secret": secret_id,
        "batch_id": listed[0]["batch_id"],
        "app": app,
        "key_id": key["id"],
        "annotation_id": annotation["id"],
        "webhook_id": webhook["id"],
        "delivery_id": delivery["id"],
        "/v1/models/{name}#name": model["name"],
        "name": f"{FOREIGN}.md",
        "upload_id": _their_upload(served, dataset),
        "job_id": _their_training(served),
        "user": "bob",
        "training_set": _their_set(served),
        **_their_evaluation(served, dataset),
    }
    theirs |= {name: answer[name] for name in TALKED}


def _their_app(served: Served, dataset: str) -> str:
    shown = {"icon": FOREIGN, "opening": FOREIGN, "suggested_questions": [FOREIGN]}
    app = served.post("/v1/apps", {"slug": "their-app", "name": FOREIGN, **shown})["id"]
    variant = {"prompt": f"{HIDDEN} {{{{context}}}}", "model": f"{FOREIGN}-model"}
    draft = {
        "prompt": f"{HIDDEN} of the app: {{{{context}}}}",
        "dataset_ids": [dataset],
        "base": {"model": f"{FOREIGN}-model"},
        "tuned": variant,
    }
    answer = served.http.put(f"/v1/apps/{app}/draft", json=draft)
    assert answer.status_code == 200, answer.text
    served.post(f"/v1/apps/{app}/publish")
    served.http.put(f"/v1/apps/{app}/access", json={"origins": [ORIGIN], "limits": MANY})
    return app


def _their_upload(served: Served, dataset: str) -> str:
    named = {"dataset_id": dataset, "filename": f"{FOREIGN}-later.md"}
    metadata = ",".join(f"{k} {b64encode(v.encode()).decode()}" for k, v in named.items())
    headers = {"tus-resumable": "1.0.0", "upload-length": "100", "upload-metadata": metadata}
    made = served.http.post("/v1/uploads", headers=headers)
    assert made.status_code == 201, made.text
    return made.headers["location"].rpartition("/")[2]


def _their_training(served: Served) -> str:
    asked = ("local", f"{FOREIGN}-base", "chat", "supervised", "file_none", None, FOREIGN, 7)
    job = TuningJob(new_id("ftjob"), *asked, {}, "failed", now())
    with served.kb.database.write() as tx:
        jobs.add(tx, Scope.admin(), job)
        jobs.append(tx, job.id, [NewEvent(FOREIGN)])
    return job.id


def _their_set(served: Served) -> str:
    made: str = served.post("/v1/tuning/sets", {"name": FOREIGN})["id"]
    turns = [{"role": "user", "content": FOREIGN}, {"role": "assistant", "content": FOREIGN}]
    file = ("rows.jsonl", json.dumps({"messages": turns}))
    answer = served.http.post(f"/v1/tuning/sets/{made}/versions", files={"file": file})
    assert answer.status_code == 201, answer.text
    return made


def _their_evaluation(served: Served, dataset: str) -> dict[str, str]:
    made = served.post("/v1/evaluation/sets", {"name": FOREIGN, "dataset_id": dataset})["id"]
    question = {"question": FOREIGN, "answers": [FOREIGN]}
    served.post(f"/v1/evaluation/sets/{made}/questions", question)
    run = {"question_set": made, "dataset_id": dataset}
    runs = [served.post("/v1/evaluation/runs", run)["id"] for _ in range(2)]
    return {"question_set": made, "evaluation_run": runs[0], "against": runs[1]}


def _absent(world: World) -> None:
    """Ids that nobody has, in the form of those that somebody has."""
    for name, value in world.theirs.items():
        world.absent[name] = value
        if isinstance(value, str) and name not in ("user", "name"):
            world.absent[name] = value[:-6] + "".join(reversed("absent"))
    world.absent["dataset_ids"] = [world.absent["dataset_id"]]


def _callers(world: World) -> None:
    served, theirs = world.served, world.theirs
    mine = served.new_dataset("mine", {"a.md": "Mine is alpha."})
    served.new_app("my-app", dataset_ids=[mine])
    theirs_app = {"app": theirs["app"], "limits": MANY}
    widget = served.post("/v1/keys", {"kind": "widget", **theirs_app})
    my_widget = {"kind": "widget", "app": "my-app", "origins": [ORIGIN], "limits": MANY}
    revoked = served.post("/v1/keys", {"kind": "app", **theirs_app})
    served.http.delete(f"/v1/keys/{revoked['id']}")
    expired = served.post("/v1/keys", {"kind": "app", **theirs_app})
    expire(served, expired["id"])
    elsewhere = visitor(served, widget, "ann")
    elsewhere.headers["origin"] = "https://elsewhere.example"
    world.strangers |= {
        "no key": served.client(None),
        "malformed": served.client("kbk_live_x"),
        "revoked": served.client(revoked["key"]),
        "expired": served.client(expired["key"]),
        "another dataset's": served.with_new_key(kind="dataset", dataset_ids=[mine]),
        "another app's": served.with_new_key(kind="app", app="my-app"),
        "another app's widget": visitor(served, served.post("/v1/keys", my_widget), "ann"),
        "a widget elsewhere": elsewhere,
    }
    world.neighbours |= {
        "another user's server": served.with_new_key(kind="app", **theirs_app),
        "another user's widget": visitor(served, widget, "bob"),
        "a new visitor's widget": visitor(served, widget, None),
    }
    world.owners |= {
        "app": served.with_new_key(kind="app", **theirs_app),
        "widget": visitor(served, widget, "ann"),
        "dataset": served.with_new_key(kind="dataset", dataset_ids=theirs["dataset_ids"]),
    }
    labelled = {"labels": [LABEL]}
    own_widget = served.post("/v1/keys", {"kind": "widget", **theirs_app, **labelled})
    opened = {"kind": "dataset", "dataset_ids": theirs["dataset_ids"]}
    world.insiders |= {
        "app": served.with_new_key(kind="app", **theirs_app, **labelled),
        "widget": visitor(served, own_widget, "ann", (LABEL,)),
        "dataset": served.with_new_key(**opened, **labelled),
    }
    narrowed = served.with_new_key(kind="app", **theirs_app, **labelled)
    narrowed.headers["x-end-user-labels"] = "sales"
    world.owners |= {
        "another label's server": served.with_new_key(**opened, labels=["sales"]),
        "a server for somebody without labels": narrowed,
        "a widget with a label that its token does not sign": visitor(served, own_widget, "ann"),
        "a token that signs more than its key has": visitor(served, widget, "ann", (LABEL,)),
    }
