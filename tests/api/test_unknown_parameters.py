"""A query parameter that an operation does not know is refused, as an unknown field is."""

from __future__ import annotations

import httpx
import pytest

from tests.api.operations import TUS, Operation, operations
from tests.api.serving import Served

EVERY_OPERATION = operations()


def address(operation: Operation) -> str:
    names = [item["name"] for item in operation.parameters if item["in"] == "path"]
    return operation.path.format(**dict.fromkeys(names, "1"))


@pytest.mark.parametrize("operation", EVERY_OPERATION, ids=lambda one: " ".join(one.name))
def test_every_operation_refuses_a_query_parameter_that_it_does_not_know(
    served: Served, operation: Operation
):
    answer = served.http.request(
        operation.method, address(operation), params={"limits": "secret-value"}, headers=TUS
    )

    assert answer.status_code == 400
    if operation.method != "head":
        problem = answer.json()
        assert problem["code"] == "invalid_request"
        assert "`limits`" in problem["detail"]
        assert "secret-value" not in answer.text


def test_a_misspelt_dry_run_stores_nothing_and_is_told_what_it_may_be(served: Served):
    dataset = served.new_dataset("misspelt")
    path = f"/v1/datasets/{dataset}/documents"
    files = [("files", ("a.md", b"Alpha."))]

    refused = served.http.post(path, params={"dryrun": "true"}, files=files)

    assert refused.status_code == 400
    assert "`dry_run`" in refused.json()["detail"]
    assert served.http.get(path).json()["data"] == []


def test_pages_and_their_files_take_any_query(served: Served):
    for path in ("/login", "/", "/static/style.css", "/console"):
        assert served.http.get(path, params={"next": "/", "v": "2"}).status_code == 200
    assert httpx.get(f"{served.url}/login?stale=1&utm_source=mail").status_code == 200


def test_a_login_link_with_something_added_still_signs_in(served: Served):
    link = f"{served.url}/login?token={served.kb.access.console.login_token}&from=terminal"
    assert "kb_session" in httpx.get(link).cookies
