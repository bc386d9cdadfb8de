"""The server of the API's tests, for clients that others have written."""

from __future__ import annotations

from tests.api.conftest import served as served
