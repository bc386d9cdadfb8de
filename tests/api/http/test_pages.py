"""What a person's browser gets where it asks for a page."""

from __future__ import annotations

import httpx
import pytest

from tests.api.serving import Served

PAGE = {"accept": "text/html,application/xhtml+xml"}


def test_an_unknown_address_is_a_page_for_people_and_a_problem_for_programs(served: Served):
    person = served.http.get("/nowhere", headers=PAGE)
    program = served.http.get("/nowhere", headers={"accept": "application/json"})
    under_the_api = served.http.get("/v1/nowhere", headers=PAGE)

    assert person.status_code == program.status_code == under_the_api.status_code == 404
    assert person.headers["content-type"].startswith("text/html")
    assert program.json()["code"] == under_the_api.json()["code"] == "not_found"


@pytest.mark.parametrize("path", ["/console", "/console/apps/shop", "/console/apps?tab=share"])
def test_who_is_not_signed_in_comes_back_to_the_page_that_was_asked_for(served: Served, path: str):
    with httpx.Client(base_url=served.url) as nobody:
        answer = nobody.get(path, headers=PAGE)
        assert answer.status_code == 303
        sent_to = httpx.URL(answer.headers["location"])
        assert (sent_to.path, sent_to.params["next"]) == ("/login", path)
        assert nobody.get("/v1/apps", headers=PAGE).status_code == 401


def test_links_to_the_old_documents_page_still_lead_somewhere(served: Served):
    answer = served.http.get("/static/documents.html", follow_redirects=True)
    assert answer.url.path == "/console/knowledge"
    assert answer.status_code == 200
