"""No made-up request to a dialect is answered by an error of the server."""

from __future__ import annotations

import pytest

from api.app import DIALECTS
from api.dialects.dialect import Dialect
from tests.api.dialects.fuzzing import statuses_of_made_up_requests
from tests.api.serving import Served


@pytest.mark.slow
@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda each: each.prefix)
def test_no_made_up_request_is_a_server_error(
    served: Served, talking_apps: None, sky: str, dialect: Dialect
):
    seen = statuses_of_made_up_requests(served, dialect, sky)
    assert seen >= {200, 400, 404}
