"""Made-up requests to a dialect, from what it says of itself."""

from __future__ import annotations

from functools import partial

import requests
from schemathesis import Case, openapi
from schemathesis.generation import GenerationMode

from api.dialects.dialect import Dialect
from tests.api.fuzzing import each_example
from tests.api.serving import Served

OF_DATASETS = ("retrieval", "/files", "/vector_stores")
QUESTION = {"role": "user", "content": "Hi?", "parts": [{"type": "text", "text": "Hi?"}]}


def statuses_of_made_up_requests(served: Served, dialect: Dialect, dataset: str) -> set[int]:
    """Every status that was answered. Fails with the requests that are the server's errors.

    What is allowed names an app that is there and ends with a question, so that some are answered.
    """
    app = served.http.get("/v1/apps/plain").json()["id"]
    there = {"app": app, "dataset_id": dataset}
    limits = {"limits": {"requests_per_minute": 1_000_000, "concurrent_streams": 1_000}}
    key = served.post("/v1/keys", {"kind": "app", "app": app, **limits})["key"]
    of_dataset = {"kind": "dataset", "dataset_ids": [dataset], **limits}
    dataset_key = served.post("/v1/keys", of_dataset)["key"]
    admin_key = served.kb.access.admin_key
    session, seen, failures = requests.Session(), set[int](), list[str]()

    def send(key: str, case: Case) -> None:
        url, headers = f"{served.url}{dialect.prefix}", {"authorization": f"Bearer {key}"}
        answer = case.call(base_url=url, session=session, headers=headers, timeout=60)
        seen.add(answer.status_code)
        if answer.status_code >= 500:
            told = f"{case.operation.label}: {answer.text} {case.as_curl_command()}"
            failures.append(told[:1500])

    described = openapi.from_dict(dialect.application().openapi())
    for operation in (found.ok() for found in described.get_all_operations()):
        is_of_datasets = any(word in operation.path for word in OF_DATASETS)
        own = dataset_key if is_of_datasets else key
        if operation.path.startswith(("/datasets", "/vector_stores")):
            own = dataset_key if operation.method == "delete" else admin_key
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            strategy = operation.as_strategy(generation_mode=mode)
            if mode is GenerationMode.POSITIVE:
                strategy = strategy.map(lambda case: _with_what_is_there(case, there))
            each_example(strategy, partial(send, own), examples=4, start=1)
    assert failures == []
    return seen


def _with_what_is_there(case: Case, there: dict[str, str]) -> Case:
    for name in {*there} & {*(case.path_parameters or {})}:
        case.path_parameters[name] = there[name]
    if isinstance(case.body, dict) and isinstance(case.body.get("messages"), list):
        case.body["messages"].append(QUESTION)
    return case
