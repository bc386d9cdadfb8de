"""What an upload takes and what it refuses, by name; what is refused leaves nothing behind."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from urllib.parse import quote

import httpx
import pytest

from kb.settings import IngestSettings
from tests.api.posting import PROGRAM, post, staged_files
from tests.api.serving import Served, serving
from tests.api.uploads.tus_client import begin
from tests.server import wait_for_batch


@pytest.fixture
def dataset_id(served: Served, request: pytest.FixtureRequest) -> str:
    return served.new_dataset(request.node.name)


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("三国演义/第一回.txt", "三国演义/第一回.txt"),
        ("dir\\sub\\a.md", "dir/sub/a.md"),
        ("./a.md", "a.md"),
        ("e\u0301.md", "\u00e9.md"),
        ('say "hi".md', 'say "hi".md'),
        ("100%25.md", "100%25.md"),
        ("a b+c&d=e;f.md", "a b+c&d=e;f.md"),
    ],
)
def test_a_name_is_a_relative_path_kept_as_it_is(
    served: Served, dataset_id: str, sent: str, stored: str
):
    answer = post(served, dataset_id, (sent, b"Text."))

    assert answer.status_code == 202, answer.text
    assert [item["name"] for item in answer.json()["accepted"]] == [stored]


@pytest.mark.parametrize("name", ["../a.md", "/etc/passwd", "a/../../b.md", "C:/a.md", "x" * 600])
def test_a_name_that_leads_elsewhere_is_rejected(served: Served, dataset_id: str, name: str):
    answer = post(served, dataset_id, (name, b"Text."), ("good.md", b"Text."))

    assert answer.status_code == 202
    assert [item["name"] for item in answer.json()["accepted"]] == ["good.md"]
    assert [item["code"] for item in answer.json()["rejected"]] == ["invalid_request"]


def post_form(served: Served, dataset_id: str, name: bytes) -> httpx.Response:
    """A form with a file whose name is sent as it is."""
    head = b'--b\r\nContent-Disposition: form-data; name="f"; filename="%b"' % name
    return served.http.post(
        f"/v1/datasets/{dataset_id}/documents",
        content=head + b"\r\n\r\nText.\r\n--b--\r\n",
        headers={"content-type": "multipart/form-data; boundary=b"},
    )


@pytest.mark.parametrize("name", ["a\nb.md", "turn\u202efdp.md", "two\u2028lines.md"])
def test_a_name_with_unprintable_characters_is_refused_however_it_is_sent(
    served: Served, dataset_id: str, name: str
):
    path = f"/v1/datasets/{dataset_id}/documents"
    multipart = post_form(served, dataset_id, name.encode())
    by_name = served.http.put(f"{path}/by-name/x{quote(name)}", content=b"Text.")
    resumable = begin(served, dataset_id, 5, name)

    assert by_name.status_code == (404 if "\n" in name else 400)  # no address holds a line break
    for answer in (multipart, resumable):
        assert answer.status_code == 400, answer.text
        assert (
            f"U+{ord(next(sign for sign in name if not sign.isprintable())):04X}"
            in (answer.json()["detail"])
        )
    assert served.http.get(path).json()["data"] == []


def test_a_raw_line_break_in_a_multipart_name_is_refused_and_not_cut(
    served: Served, dataset_id: str
):
    for name in (b"a\r\nX: b.md", b'a\\"\r\nX: b.md', b"a\r\n b.md", b"a\rb.md"):
        answer = post_form(served, dataset_id, name)
        assert answer.status_code == 400, answer.text
        assert "line break" in answer.json()["detail"]
    assert served.http.get(f"/v1/datasets/{dataset_id}/documents").json()["data"] == []


def test_a_mixed_upload_takes_what_it_can_and_names_what_it_cannot(served: Served, dataset_id: str):
    answer = post(
        served,
        dataset_id,
        ("a.md", b"Alpha."),
        ("b.bin", PROGRAM),
        ("c.7z", b"7z\xbc\xaf\x27\x1c"),
    )

    assert answer.status_code == 202
    body = answer.json()
    accepted = body["accepted"][0]
    assert set(accepted) == {"document_id", "name", "size_bytes", "sha256", "status"}
    assert accepted["sha256"] == hashlib.sha256(b"Alpha.").hexdigest()
    assert {item["name"]: item["code"] for item in body["rejected"]} == {
        "b.bin": "unsupported_media_type",
        "c.7z": "unsupported_media_type",
    }
    assert wait_for_batch(served.http, body["batch_id"])["total"] == 1


def test_an_upload_of_which_nothing_is_accepted_is_an_error(served: Served, dataset_id: str):
    answer = post(served, dataset_id, ("b.bin", PROGRAM))

    assert answer.status_code == 400
    body = answer.json()
    assert (body["code"], body["accepted"]) == ("unsupported_media_type", [])
    assert [item["name"] for item in body["rejected"]] == ["b.bin"]
    assert "program" in body["detail"]


def test_an_upload_without_files_or_of_another_kind_is_refused(served: Served, dataset_id: str):
    path = f"/v1/datasets/{dataset_id}/documents"
    no_file = served.http.post(path, files={"note": (None, b"no filename")})
    assert (no_file.status_code, no_file.json()["code"]) == (400, "invalid_request")
    as_json = served.http.post(path, json={})
    assert (as_json.status_code, as_json.json()["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"garbage",
        b'--b\r\nContent-Disposition: form-data; name="f"; filename="a.md"\r\n\r\nText.',
        b'--b\r\nContent-Disposition: form-data; name="f"; filename="a.md"\r\n\r\nText.\r\n--b',
    ],
)
def test_a_broken_multipart_body_stores_nothing(served: Served, dataset_id: str, body: bytes):
    path = f"/v1/datasets/{dataset_id}/documents"
    headers = {"content-type": "multipart/form-data; boundary=b"}

    answer = served.http.post(path, content=body, headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    assert served.http.get(path).json()["data"] == []
    assert staged_files(served.kb.settings.data_dir) == []


@pytest.fixture(scope="module")
def tight(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    limits = IngestSettings(max_file_bytes=3_000_000, max_request_bytes=8_000_000, max_files=3)
    with serving(tmp_path_factory.mktemp("tight") / "data", ingest=limits) as running:
        yield running


def test_a_file_over_the_limit_is_rejected_by_name_and_the_others_are_taken(tight: Served):
    dataset_id = tight.new_dataset("limits")
    big = b"words and words\n" * 200_000

    answer = post(tight, dataset_id, ("big.txt", big), ("small.txt", b"Text."))

    assert [item["name"] for item in answer.json()["accepted"]] == ["small.txt"]
    assert [(r["name"], r["code"]) for r in answer.json()["rejected"]] == [("big.txt", "too_large")]
    path = f"/v1/datasets/{dataset_id}/documents/by-name/big.txt"
    assert tight.http.put(path, content=big).status_code == 413
    fitting = big[:2_500_000]
    stored = tight.http.put(path, content=fitting).json()["accepted"][0]
    assert stored["sha256"] == hashlib.sha256(fitting).hexdigest()
    assert staged_files(tight.kb.settings.data_dir) == []


def test_too_many_files_and_too_large_requests_are_refused(tight: Served):
    dataset_id = tight.new_dataset("more limits")
    many = [(f"{number}.md", b"Text.") for number in range(4)]
    answer = post(tight, dataset_id, *many)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    huge = [(f"{number}.txt", b"x" * 2_900_000) for number in range(3)]
    answer = post(tight, dataset_id, *huge)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert tight.http.get(f"/v1/datasets/{dataset_id}/documents").json()["data"] == []
    assert staged_files(tight.kb.settings.data_dir) == []


def test_a_client_that_leaves_in_the_middle_leaves_nothing_behind(served: Served, dataset_id: str):
    path = f"/v1/datasets/{dataset_id}/documents/by-name/a.md"

    def broken_off() -> Iterator[bytes]:
        yield b"x" * 100_000
        raise ConnectionError

    with pytest.raises(ConnectionError):
        served.http.put(path, content=broken_off())

    assert served.http.get(f"/v1/datasets/{dataset_id}/documents").json()["data"] == []
    assert staged_files(served.kb.settings.data_dir) == []
