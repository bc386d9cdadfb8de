"""A person who opens a page or a login link gets a page, whatever state their session is in."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import httpx

from tests.api.serving import Served


def test_a_login_link_of_an_earlier_start_leads_to_the_sign_in_page_that_says_so(
    served: Served,
) -> None:
    answer = httpx.get(f"{served.url}/login?token=of-an-earlier-start", follow_redirects=True)

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.url.params["stale"] == "1"
    assert "set-cookie" not in answer.headers


def test_the_sign_in_page_knows_the_way_back_to_the_conversation_that_was_asked_for(
    served: Served,
) -> None:
    answer = httpx.get(f"{served.url}/?app=demo&c=conv_1")

    place = urlsplit(answer.headers["location"])
    assert (answer.status_code, place.path) == (303, "/login")
    assert parse_qs(place.query)["next"] == ["/?app=demo&c=conv_1"]
