"""No made-up request to Dify's API is answered by an error of the server."""

from __future__ import annotations

from contextlib import suppress

import pytest
import requests
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, openapi
from schemathesis.generation import GenerationMode

from api.dialects.dify.dialect import DIFY
from tests.api.serving import Served

LONGEST_QUERY = 2000
"""Characters; the server refuses a longer head before it is a request."""


@pytest.mark.slow
def test_no_made_up_request_is_a_server_error(served: Served, talking_apps: None):
    app = served.http.get("/v1/apps/plain").json()["id"]
    limits = {"requests_per_minute": 1_000_000, "concurrent_streams": 1_000}
    key = served.post("/v1/keys", {"kind": "app", "app": app, "limits": limits})["key"]
    session, seen, failures = requests.Session(), set[int](), list[str]()
    described = openapi.from_dict(DIFY.application().openapi())
    for operation in (found.ok() for found in described.get_all_operations()):
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            strategy = operation.as_strategy(generation_mode=mode)
            _each(strategy, f"{served.url}/dify/v1", key, session, seen, failures)
    assert failures == []
    assert seen >= {200, 400, 404}


def _each(strategy, url, key, session, seen, failures):  # type: ignore[no-untyped-def]
    @seed(1)
    @settings(
        max_examples=4,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=strategy)
    def each(case: Case) -> None:
        if len(str(case.query)) > LONGEST_QUERY:
            return
        headers = {"authorization": f"Bearer {key}"}
        answer = case.call(base_url=url, session=session, headers=headers, timeout=60)
        seen.add(answer.status_code)
        if answer.status_code >= 500:
            failures.append(
                f"{case.operation.label}: {answer.text} {case.as_curl_command()}"[:1500]
            )

    with suppress(Unsatisfiable):  # where nothing is asked for, nothing can be wrong
        each()
