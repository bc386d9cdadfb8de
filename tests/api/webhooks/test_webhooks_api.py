"""Webhooks over real sockets: signed, tried again, logged, switched off, and for admins only."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from standardwebhooks import Webhook, WebhookVerificationError

from kb.settings import WebhookSettings
from kb.store.webhooks import webhooks
from kb.types import Scope
from tests.api.serving import Served, serving
from tests.api.talking import whole
from tests.parts import stored
from tests.webhook_receiver import Receiver, receiving, wait_until

FAST = WebhookSettings(timeout_s=0.5, first_retry_s=0.05)
EVENTS = ["document.ready", "document.failed", "batch.completed"]
ALL = [*EVENTS, "feedback.created"]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("served") / "data", webhooks=FAST) as running:
        yield running


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


@pytest.fixture
def hook(served: Served, receiver: Receiver) -> Iterator[dict[str, Any]]:
    made = new_hook(served, receiver, ALL)
    yield made
    served.http.delete(f"/v1/webhooks/{made['id']}")


def new_hook(served: Served, receiver: Receiver, events: list[str], **more: Any) -> dict[str, Any]:
    return served.post("/v1/webhooks", {"url": receiver.url, "events": events, **more})


def log(served: Served, hook: dict[str, Any], **query: str) -> list[dict[str, Any]]:
    answer = served.http.get(f"/v1/webhooks/{hook['id']}/deliveries", params=query)
    return answer.json()["data"]


def shown(served: Served, hook: dict[str, Any]) -> dict[str, Any]:
    return served.http.get(f"/v1/webhooks/{hook['id']}").json()


def change(served: Served, hook: dict[str, Any], **fields: Any) -> None:
    assert served.http.patch(f"/v1/webhooks/{hook['id']}", json=fields).status_code == 200


def tried(served: Served, hook: dict[str, Any]) -> dict[str, Any]:
    """How a test event went."""
    made = served.post(f"/v1/webhooks/{hook['id']}/test", status=202)
    assert (made["event"], made["status"]) == ("webhook.test", "pending")
    wait_until(lambda: log(served, hook)[0]["status"] != "pending")
    return log(served, hook)[0]


def test_what_becomes_of_an_upload_is_told_with_a_signature_that_the_published_library_takes(
    served: Served, receiver: Receiver, hook: dict[str, Any]
):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.md", "Alpha is one.")
        archive.writestr("broken.pdf", b"%PDF-1.7\nbroken")
    dataset = served.new_dataset("signed")
    files = {"files": ("all.zip", packed.getvalue())}
    sent = served.http.post(f"/v1/datasets/{dataset}/documents", files=files).json()

    events = receiver.events(hook["secret"], 3)
    by_type = {event["type"]: event["data"] for event in events}
    assert sorted(by_type) == sorted(EVENTS)
    assert by_type["document.ready"]["document_name"] == "a.md"
    assert by_type["document.failed"]["document_name"] == "broken.pdf"
    assert by_type["document.failed"]["error"] == {"code": "damaged_file"}
    assert by_type["batch.completed"] == {
        "batch_id": sent["batch_id"],
        "dataset_id": dataset,
        "total": 2,
        "ready": 1,
        "failed": 1,
        "removed": 0,
    }
    for message in receiver.messages:
        assert message.path == "/told"
        assert message.headers["content-type"] == "application/json"
        with pytest.raises(WebhookVerificationError):
            Webhook(hook["secret"]).verify(message.body + b" ", message.headers)
    wait_until(lambda: len(log(served, hook, status="delivered")) == 3)
    assert {each["id"] for each in log(served, hook)} == {m.id for m in receiver.messages}
    assert {each["attempts"] for each in log(served, hook)} == {1}


def test_feedback_is_told_without_the_words(
    served: Served, receiver: Receiver, hook: dict[str, Any]
):
    dataset = served.new_dataset("rated", {"moon.md": "The moon rises over Ostrava at nine."})
    app = served.new_app("rated", dataset_ids=[dataset])
    answer = whole(served.http, "rated", "When does the moon rise over Ostrava?")
    path = f"/v1/messages/{answer['message_id']}/feedback"
    said = {"rating": "dislike", "reason": "unclear"}
    served.http.post(path, json=said | {"text": "wordy", "better_answer": "wordier"})

    told = [e for e in receiver.events(hook["secret"], 3) if e["type"] == "feedback.created"]
    assert told[0]["data"] == {
        "message_id": answer["message_id"],
        "conversation_id": answer["conversation_id"],
        "app_id": app,
        "source": "operator",
        **said,
    }
    assert all(b"word" not in message.body for message in receiver.messages)
    served.http.delete(f"/v1/conversations/{answer['conversation_id']}")
    assert "feedback.created" not in {each["event"] for each in log(served, hook)}


def test_what_a_receiver_does_not_take_is_sent_again_under_the_same_id(
    served: Served, receiver: Receiver, hook: dict[str, Any]
):
    receiver.statuses, receiver.answer = [500, 302, 200], b"x" * 10_000
    receiver.headers = {"location": f"{receiver.url}/elsewhere"}
    served.new_dataset("again", {"a.md": "Alpha is one."})

    wait_until(lambda: len(log(served, hook, status="delivered")) == 2)
    ids = [message.id for message in receiver.messages]
    assert (len(ids), len(set(ids))) == (4, 2)
    assert {message.path for message in receiver.messages} == {"/told"}, "no redirect is followed"
    for message in receiver.messages:
        message.verified(hook["secret"])
    for each in log(served, hook):
        assert (each["attempts"], each["response_status"], each["error"]) == (
            ids.count(each["id"]),
            200,
            None,
        )
        assert each["response"] == "x" * 500
        assert each["next_attempt_at"] is None
    assert (shown(served, hook)["failures"], shown(served, hook)["failing_since"]) == (0, None)


def test_a_rotated_secret_signs_beside_the_new_one_until_its_time_is_over(
    served: Served, receiver: Receiver, hook: dict[str, Any]
):
    path = f"/v1/webhooks/{hook['id']}/rotate"
    new = served.post(path, {"grace_s": 3600}, status=200)
    assert new["previous_until"] > hook["created_at"]
    tried(served, hook)
    for secret in (hook["secret"], new["secret"]):
        assert receiver.messages[0].verified(secret)["type"] == "webhook.test"

    newest = served.post(path, {}, status=200)
    tried(served, hook)
    receiver.messages[1].verified(newest["secret"])
    with pytest.raises(WebhookVerificationError):
        receiver.messages[1].verified(new["secret"])
    assert "secret" not in shown(served, hook)
    assert b"whsec_" not in stored(served.kb)


def test_an_answer_that_does_not_come_is_an_error_and_a_test_is_tried_once(
    served: Served, receiver: Receiver, hook: dict[str, Any]
):
    receiver.is_open.clear()
    hung = tried(served, hook)
    assert (hung["status"], hung["attempts"]) == ("failed", 1)
    assert hung["error"] == "It did not answer within 0.5 s."
    change(served, hook, url="http://127.0.0.1:9/", active=False)
    closed = tried(served, hook)
    assert (closed["status"], closed["response_status"]) == ("failed", None)
    assert closed["error"].startswith("It cannot be reached")
    assert shown(served, hook)["failures"] == 0, "tests do not count"


def test_a_delivery_is_sent_again_on_demand_but_not_by_a_webhook_that_is_off(
    served: Served, receiver: Receiver, hook: dict[str, Any]
):
    receiver.statuses = [410, 204]
    served.new_dataset("gone", {"a.md": "Alpha is one."})
    wait_until(lambda: not shown(served, hook)["active"])
    assert shown(served, hook)["switched_off_at"] is not None
    (first, *_) = [each for each in log(served, hook) if each["response_status"] == 410]
    path = f"/v1/webhooks/{hook['id']}/deliveries/{first['id']}/redeliver"
    assert served.http.post(path).status_code == 409

    change(served, hook, active=True)
    assert shown(served, hook)["switched_off_at"] is None
    wait_until(lambda: len(log(served, hook, status="delivered")) == 2)
    number = len(receiver.messages)
    assert served.http.post(path).status_code == 202
    assert receiver.wait_for(number + 1)[-1].id == first["id"]


def test_a_webhook_that_fails_for_days_is_switched_off_and_says_so(
    served: Served, receiver: Receiver, hook: dict[str, Any]
):
    receiver.statuses = [500]
    before = (datetime.now(UTC) - timedelta(days=4)).isoformat()
    with served.kb.database.write() as tx:
        changed = "UPDATE webhooks SET failures = 15, failing_since = :before WHERE id = :id"
        tx.execute(text(changed), {"before": before, "id": hook["id"]})
    served.new_dataset("off", {"a.md": "Alpha is one."})
    wait_until(lambda: not shown(served, hook)["active"])
    found = shown(served, hook)
    assert (found["failures"], found["failing_since"]) == (20, before)
    assert found["switched_off_at"] is not None
    waiting = log(served, hook, status="pending")

    receiver.statuses = [204]
    served.upload(served.new_dataset("not told"), {"a.md": "Alpha is one."})
    change(served, hook, active=True)
    wait_until(lambda: len(log(served, hook, status="delivered")) == len(waiting))
    assert len(log(served, hook)) == 2, "what happened while it was off is not told"


def test_the_name_of_a_deleted_document_is_in_no_delivery_any_more(
    served: Served, receiver: Receiver, hook: dict[str, Any]
):
    name = "kumquat-protocol.md"
    receiver.statuses, receiver.answer = [200], name.encode()
    document = served.upload(served.new_dataset("kept"), {name: "Alpha is one."})[name]
    wait_until(lambda: len(log(served, hook, status="delivered")) == 2)
    (ready,) = [each for each in log(served, hook) if each["event"] == "document.ready"]
    assert (ready["data"]["document_name"], ready["response"]) == (name, name)

    served.http.delete(f"/v1/documents/{document}")
    (left,) = [each for each in log(served, hook) if each["event"] == "document.ready"]
    assert name not in str(left)
    assert left["data"]["document_id"] == document
    path = f"/v1/webhooks/{hook['id']}/deliveries/{left['id']}/redeliver"
    number = len(receiver.messages)
    served.http.post(path)
    assert name.encode() not in receiver.wait_for(number + 1)[-1].body


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data",
        "http://[fe80::1]/",
        "http://metadata.google.internal/",
        "http://user@receiver.example/",
        "http://receiver.example/#part",
        "ftp://receiver.example/",
        "receiver.example",
        "http://2852039166/",
    ],
)
def test_an_address_that_may_not_be_called_is_refused(served: Served, url: str):
    answer = served.http.post("/v1/webhooks", json={"url": url, "events": EVENTS})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    assert "url" in answer.json()["detail"]


def test_an_address_that_leads_astray_later_is_not_called(served: Served):
    """As a name may, which stands for another address every time."""
    url = "http://169.254.169.254/latest"
    told = (Scope.admin(), served.kb.secrets, url, ("document.ready",), ())
    made = served.kb.database.writing(webhooks.create, *told)
    assert "link-local or metadata" in tried(served, {"id": made.id})["error"]
    served.http.delete(f"/v1/webhooks/{made.id}")


def test_only_admins_have_to_do_with_webhooks(served: Served, hook: dict[str, Any]):
    dataset = served.new_dataset("theirs")
    keys = [
        served.with_new_key(kind="dataset", dataset_ids=[dataset]),
        served.client(None),
    ]
    path = f"/v1/webhooks/{hook['id']}"
    for client, status in zip(keys, (403, 401), strict=True):
        answers: list[httpx.Response] = [
            client.get("/v1/webhooks"),
            client.get(path),
            client.post("/v1/webhooks", json={"url": hook["url"], "events": EVENTS}),
            client.post(f"{path}/test"),
            client.get(f"{path}/deliveries"),
        ]
        assert [answer.status_code for answer in answers] == [status] * 5
    listed = [each["id"] for each in served.http.get("/v1/webhooks").json()["data"]]
    assert hook["id"] in listed
    assert served.http.delete(path).status_code == 204
    assert served.http.get(path).status_code == 404


def test_a_webhook_can_be_changed_when_its_dataset_is_gone(served: Served, receiver: Receiver):
    dataset = served.new_dataset("to be deleted")
    hook = new_hook(served, receiver, EVENTS, dataset_ids=[dataset])
    assert served.http.delete(f"/v1/datasets/{dataset}").status_code == 204
    change(served, hook, active=False)
    assert not shown(served, hook)["active"]
    refused = served.http.patch(f"/v1/webhooks/{hook['id']}", json={"dataset_ids": [dataset]})
    assert refused.status_code == 404
    served.http.delete(f"/v1/webhooks/{hook['id']}")
