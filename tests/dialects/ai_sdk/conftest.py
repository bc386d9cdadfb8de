"""The server and apps of the API's tests, for clients that others have written."""

from __future__ import annotations

import pytest

from kb.models.fake.server import FakeModelServer
from tests.api.conftest import served as served
from tests.api.conftest import sky as sky
from tests.api.conftest import talking_apps as talking_apps
from tests.api.conftest import upstream as upstream
from tests.api.serving import Served


@pytest.fixture(scope="module")
def slow_app(served: Served, upstream: FakeModelServer) -> None:
    """An app whose answer takes as long as it takes to leave and come back."""
    body = {"name": "slow", "model": "numbers:300:10", "base_url": upstream.base_url}
    served.post("/v1/models", body)
    served.new_app("slow", base={"model": "slow"})
