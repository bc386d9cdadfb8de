"""The server and apps of the API's tests, for clients that others have written."""

from __future__ import annotations

from tests.api.conftest import served as served
from tests.api.conftest import sky as sky
from tests.api.conftest import talking_apps as talking_apps
from tests.api.conftest import upstream as upstream
