"""Requests that Schemathesis makes up from the API's own description, allowed and not.

`python -m tests.api.fuzzing --examples 200` runs longer than the test suite does. Two rules differ
from the tool's own: 503 is right where a made-up language model cannot be reached, and a request
that its schema allows may still be refused, because some rules join fields (a key of kind
"dataset", and no other, names its `dataset_ids`).
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsonschema_rs
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, openapi
from schemathesis.checks import CHECKS
from schemathesis.core.failures import FailureGroup
from schemathesis.generation import GenerationMode

from api.app import create_app
from kb.settings import Settings
from tests.api.operations import METHODS, TUS
from tests.api.worlds import World, two_tenants

TUS_BODY = "application/offset+octet-stream"
TIMEOUT_S = 240
LONGEST_QUERY = 2000
"""Characters; the server refuses a longer head before it is a request, and hangs up."""
EXPECTED_503 = ("model_unavailable",)

NOT_CHECKED = {
    "positive_data_acceptance": "rules that join fields are in no schema",
    "not_a_server_error": "checked here, because some 503 are right",
    "use_after_free": "needs a sequence of requests",
    "ensure_resource_availability": "needs a sequence of requests",
    "ignored_auth": "tests/api/access/test_access_control.py",
    "object_level_authorization": "tests/api/access/test_isolation.py",
    "max_response_time": "no test measures time",
    "unsupported_method": "asked once for each path, not for each example",
}


@schemathesis.serializer(TUS_BODY)
def _bytes(context: Any, value: Any) -> bytes:
    """The body of a resumable upload goes out as it is."""
    return value if isinstance(value, bytes) else str(value).encode()


@dataclass
class Findings:
    """What was sent, and what was answered in a way that the description does not allow."""

    requests: int = 0
    statuses: dict[int, int] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)


def fuzz(world: World, *, examples: int, start: int) -> Findings:
    """Send examples to every operation, those that read first; nothing is deleted before the end.

    Args:
        examples: made-up requests for each operation and kind: allowed by its schema, and not.
        start: decides which.
    """
    described = create_app(Settings(_env_file=None)).openapi()
    for items in described["paths"].values():
        for operation in items.values():
            operation["security"] = []  # or keys would be made up as well
    findings, session = Findings(), requests.Session()
    for made in _in_order(openapi.from_dict(described)):
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            strategy = made.as_strategy(generation_mode=mode)
            _try(strategy, world, session, findings, examples, start)
    return findings


def _in_order(described: Any) -> list[Any]:
    found = [result.ok() for result in described.get_all_operations()]
    return sorted(found, key=lambda one: (METHODS.index(one.method.lower()), one.path))


def _try(
    strategy: Any,
    world: World,
    session: requests.Session,
    findings: Findings,
    examples: int,
    start: int,
) -> None:
    chance = random.Random(start)
    each_example(
        strategy,
        lambda case: _send(case, world, session, findings, use_known=chance.random() < 0.7),
        examples=examples,
        start=start,
    )


def each_example(strategy: Any, send: Callable[[Case], None], *, examples: int, start: int) -> None:
    """Send made-up requests, always the same ones; none whose address is too long to be sent."""

    @seed(start)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=strategy)
    def each(case: Case) -> None:
        if len(str(case.query)) <= LONGEST_QUERY:
            send(case)

    with suppress(Unsatisfiable):  # where nothing is asked for, nothing can be wrong
        each()


def _send(
    case: Case, world: World, session: requests.Session, findings: Findings, *, use_known: bool
) -> None:
    if use_known:
        for name in case.path_parameters or {}:
            known = world.theirs.get(f"{case.operation.path}#{name}", world.theirs.get(name))
            case.path_parameters[name] = case.path_parameters[name] if known is None else known
    headers = {"authorization": world.served.http.headers["authorization"]}
    headers |= TUS if case.operation.path.startswith("/v1/uploads") else {}
    answer = case.call(
        base_url=world.served.url, session=session, headers=headers, timeout=TIMEOUT_S
    )
    findings.requests += 1
    findings.statuses[answer.status_code] = findings.statuses.get(answer.status_code, 0) + 1
    for problem in _problems(case, answer):
        findings.failures.setdefault(
            f"{case.operation.label}: {problem}", case.as_curl_command()[:2000]
        )


def _problems(case: Case, answer: Any) -> Iterator[str]:
    if answer.status_code >= 500 and answer.json().get("code") not in EXPECTED_503:
        yield f"{answer.status_code} {answer.text[:300]}"
    left_out = {*NOT_CHECKED}
    if answer.status_code == 413:  # a refusal too, which the tool does not know as one
        left_out.add("negative_data_rejection")
    if "text/event-stream" in str(answer.headers.get("content-type")):
        left_out.add("response_schema_conformance")  # it takes the frames for what they decode to
        yield from _event_problems(case, answer.text)
    wanted = [check for check in CHECKS.get_all() if check.__name__ not in left_out]
    try:
        case.validate_response(answer, checks=wanted)
    except FailureGroup as group:
        yield from (f"{type(one).__name__} {one}" for one in group.exceptions)


def _event_problems(case: Case, frames: str) -> Iterator[str]:
    """What is wrong with the events of a stream, each as clients decode it."""
    described = case.operation.schema.raw_schema
    responses = case.operation.definition.raw["responses"]
    schema = responses["200"]["content"]["text/event-stream"]["schema"]
    fits = jsonschema_rs.validator_for({**schema, "components": described["components"]})
    for frame in frames.split("\n\n"):
        lines = (line.partition(": ")[::2] for line in frame.splitlines() if line[0] != ":")
        if fields := dict(lines):
            event = {"id": int(fields["id"]), "event": fields["event"]}
            event["data"] = json.loads(fields["data"])
            yield from (f"{event}: {error.message}" for error in fits.iter_errors(event))


def main() -> None:
    """Run longer than the test suite does."""
    parser = argparse.ArgumentParser(prog="python -m tests.api.fuzzing")
    parser.add_argument("--examples", type=int, default=100)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, two_tenants(Path(folder) / "data") as world:
        findings = fuzz(world, examples=chosen.examples, start=chosen.seed)
    print(f"seed {chosen.seed}: {findings.requests} requests, {findings.statuses}")
    for problem, example in findings.failures.items():
        print(f"\n{problem}\n    {example}")
    raise SystemExit(1 if findings.failures else 0)


if __name__ == "__main__":
    main()
