"""A piece that was switched off stays off where its passage comes again, whoever cut it anew."""

from __future__ import annotations

import httpx

from tests.api.serving import Served
from tests.server import frames

WORDS = ("alpha", "beta", "gamma", "delta")
TOLD = "\n".join(
    f"# Part {word}\n\n" + f"The {word} is told here at length. " * 9 for word in WORDS
)


def pieces(http: httpx.Client, document: str) -> list[tuple[str, bool]]:
    """(text, whether it is on) of each piece of what answers."""
    answer = http.get(f"/v1/documents/{document}/chunks?limit=200")
    return [(each["text"], each["enabled"]) for each in answer.json()["data"]]


def switch_off(http: httpx.Client, document: str, word: str) -> None:
    for each in http.get(f"/v1/documents/{document}/chunks?limit=200").json()["data"]:
        if word in each["text"]:
            off = http.patch(f"/v1/chunks/{each['id']}", json={"enabled": False})
            assert off.status_code == 200


def reindex(served: Served, dataset: str, **split: object) -> int:
    path = f"/v1/datasets/{dataset}"
    made = served.post(f"{path}/reindex", {"processing": {"split": split}}, status=202)
    number: int = made["generation"]
    with served.http.stream("GET", f"{path}/generations/{number}/events") as answer:
        assert [name for _, name, _ in frames(answer)][-1] == "generation.ready"
    return number


def switch(served: Served, dataset: str, number: int) -> None:
    served.post(f"/v1/datasets/{dataset}/switch", {"generation": number}, status=200)


def shows(served: Served, dataset: str, word: str) -> bool:
    body = {"query": f"What is told of {word}?", "top_k": 50}
    hits = served.post(f"/v1/datasets/{dataset}/search", body, status=200)["hits"]
    assert hits
    return any(word in hit["text"] for hit in hits)


def test_a_new_version_keeps_off_the_passages_that_it_has_again(served: Served):
    dataset = served.new_dataset("versions")
    document = served.upload(dataset, {"a.md": TOLD})["a.md"]
    for word in ("beta", "gamma"):
        switch_off(served.http, document, word)

    changed = "# Before\n\nThis is new.\n\n" + TOLD.replace("The gamma", "Now the gamma")
    served.upload(dataset, {"a.md": changed})

    after = pieces(served.http, document)
    assert {is_on for text, is_on in after if "beta" in text} == {False}
    assert {is_on for text, is_on in after if "beta" not in text} == {True}
    assert not shows(served, dataset, "beta")
    assert shows(served, dataset, "gamma")  # other words: somebody must look at it again
    assert served.post("/v1/fsck", status=200)["clean"]


def test_what_is_cut_smaller_stays_off_and_what_reaches_further_is_on(served: Served):
    dataset = served.new_dataset("cuts")
    document = served.upload(dataset, {"a.md": TOLD})["a.md"]
    small = reindex(served, dataset, max_tokens=16)
    switch_off(served.http, document, "beta")  # while the other is there already

    switch(served, dataset, small)
    after = pieces(served.http, document)
    assert len(after) > len(WORDS)
    assert {is_on for text, is_on in after if "beta" in text} == {False}
    assert {is_on for text, is_on in after if "beta" not in text} == {True}
    assert not shows(served, dataset, "beta")

    split = {"mode": "separator", "separator": "NOWHERE", "max_tokens": 254}
    switch(served, dataset, reindex(served, dataset, **split))
    joined = [is_on for text, is_on in pieces(served.http, document) if "beta" in text]
    assert any(joined)

    switch(served, dataset, small)  # what was off there is off again
    assert not shows(served, dataset, "beta")


def test_pieces_of_one_passage_follow_it(served: Served):
    dataset = served.new_dataset("kin")
    document = served.upload(dataset, {"a.md": TOLD})["a.md"]
    switch_off(served.http, document, "beta")

    switch(served, dataset, reindex(served, dataset, mode="parent_child", max_tokens=16))
    assert not shows(served, dataset, "beta")
    assert shows(served, dataset, "gamma")

    switch_off(served.http, document, "gamma")
    switch(served, dataset, reindex(served, dataset, max_tokens=32))
    assert not shows(served, dataset, "gamma")
    assert shows(served, dataset, "delta")
