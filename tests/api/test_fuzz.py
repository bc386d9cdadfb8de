"""The API keeps to its own description, whatever Schemathesis makes up."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.api.fuzzing import fuzz
from tests.api.worlds import two_tenants

EXAMPLES = 2
"""For each operation, allowed and not; `python -m tests.api.fuzzing` tries more."""


@pytest.mark.slow
def test_no_made_up_request_is_answered_otherwise_than_described(tmp_path: Path):
    with two_tenants(tmp_path / "data") as world:
        findings = fuzz(world, examples=EXAMPLES, start=1)

    assert findings.failures == {}
    assert findings.requests > 200
    assert findings.statuses[200] > 40, "some requests did what they asked for"
