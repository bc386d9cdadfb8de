"""The same key gets the first answer again; another request under it is a conflict."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from tests.api.serving import Served


def test_a_repeated_request_makes_one_thing(served: Served):
    headers = {"idempotency-key": "one"}
    first = served.http.post("/v1/datasets", json={"name": "once"}, headers=headers)
    again = served.http.post("/v1/datasets", json={"name": "once"}, headers=headers)

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers


def test_another_request_under_the_key_is_a_conflict(served: Served):
    headers = {"idempotency-key": "two"}
    served.http.post("/v1/datasets", json={"name": "two"}, headers=headers)

    other = served.http.post("/v1/datasets", json={"name": "three"}, headers=headers)
    elsewhere = served.http.post("/v1/apps", json={"slug": "two", "name": "two"}, headers=headers)

    assert (other.status_code, other.json()["code"]) == (409, "conflict")
    assert elsewhere.status_code == 409


def test_a_failed_request_can_be_repeated(served: Served):
    headers = {"idempotency-key": "three"}
    assert served.http.post("/v1/datasets", json={}, headers=headers).status_code == 400
    taken = served.http.post("/v1/datasets", json={"name": "taken"}).json()
    body = {"name": "taken"}
    assert served.http.post("/v1/datasets", json=body, headers=headers).status_code == 409

    served.http.delete(f"/v1/datasets/{taken['id']}")

    assert served.http.post("/v1/datasets", json=body, headers=headers).status_code == 201


def test_keys_of_two_callers_do_not_meet(served: Served):
    other = served.with_new_key(kind="admin")
    headers = {"idempotency-key": "four"}
    served.http.post("/v1/datasets", json={"name": "four"}, headers=headers)

    assert other.post("/v1/datasets", json={"name": "four"}, headers=headers).status_code == 409
    assert other.post("/v1/datasets", json={"name": "five"}, headers=headers).status_code == 201


def test_five_requests_at_once_make_one_thing(served: Served):
    def create(_number: int) -> bytes:
        headers = {"idempotency-key": "five at once"}
        answer = served.http.post("/v1/datasets", json={"name": "at once"}, headers=headers)
        assert answer.status_code == 201, answer.text
        return answer.content

    with ThreadPoolExecutor(5) as pool:
        assert len(set(pool.map(create, range(5)))) == 1


def test_a_repeated_upload_is_the_same_batch(served: Served):
    path = f"/v1/datasets/{served.new_dataset('uploaded once')}/documents"
    headers = {"idempotency-key": "upload"}

    def upload(text: bytes, boundary: str):
        kind = {"content-type": f"multipart/form-data; boundary={boundary}"}
        files = {"f": ("a.md", text)}
        return served.http.post(path, files=files, headers={**headers, **kind})

    first, again, other = upload(b"One.", "x"), upload(b"One.", "y"), upload(b"Two.", "x")

    assert first.status_code == 202
    assert again.json() == first.json()
    assert other.status_code == 409


def test_a_publication_is_repeated_without_a_second_version(served: Served):
    served.post("/v1/apps", {"slug": "published-once", "name": "x"})
    headers = {"idempotency-key": "publish"}
    path = "/v1/apps/published-once"

    for _ in range(2):
        assert served.http.post(f"{path}/publish", headers=headers).json()["version"] == 1

    assert len(served.http.get(f"{path}/versions").json()["data"]) == 1


def test_a_secret_is_never_kept_for_a_repetition(served: Served):
    headers = {"idempotency-key": "secret"}
    first = served.http.post("/v1/keys", json={"kind": "admin"}, headers=headers).json()
    again = served.http.post("/v1/keys", json={"kind": "admin"}, headers=headers).json()

    assert first["key"] != again["key"]
