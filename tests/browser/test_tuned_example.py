"""The page of the example apps that are answered by a tuned model, as a visitor meets it."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from selenium.webdriver.chrome.webdriver import WebDriver

from tests.browser.site import Browser, Site
from tests.server import ROOT

EXAMPLE = ROOT / "examples" / "tuned"
ABOUT = json.loads((EXAMPLE / "story-teller" / "app.json").read_text())

pytestmark = pytest.mark.needs("chromium", "chromedriver")


class Files(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def page(
    request: pytest.FixtureRequest, driver: WebDriver, site: Site, tmp_path: Path
) -> Iterator[Browser]:
    """The page on an origin of its own, open on an app that a model of the test answers."""
    http, slug = site.server.http, f"stories-{request.param.partition(':')[0]}"
    http.post("/v1/apps", json={"slug": slug, "name": ABOUT["name"], "opening": ABOUT["opening"]})
    draft = {"inputs": ABOUT["inputs"], "base": {"model": request.param, "retrieval": None}}
    assert http.put(f"/v1/apps/{slug}/draft", json=draft).is_success
    assert http.post(f"/v1/apps/{slug}/publish").is_success
    shutil.copy(EXAMPLE / "index.html", tmp_path)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Files, directory=str(tmp_path)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    origin = f"http://127.0.0.1:{server.server_port}"
    made = http.post(f"/v1/apps/{slug}/keys", json={"kind": "widget", "origins": [origin]}).json()
    config = {"server": site.url, "app": slug, "key": made["key"]}
    config |= {part: ABOUT[part] for part in ("question", "button")}
    config["values"] = {each["name"]: each["default"] for each in ABOUT["inputs"]}
    (tmp_path / "config.json").write_text(json.dumps(config))
    opened = Browser(driver, site)
    driver.get(origin)
    opened.complaints()
    opened.wait(lambda: opened.all("form:not([hidden])"))
    yield opened
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("page", ["echo"], indirect=True)
def test_the_inputs_of_the_app_make_the_question_that_the_model_was_tuned_on(page):
    assert page.text("h1") == "Story teller"
    hero = page.one("[name=hero]")
    hero.clear()
    hero.send_keys("a weaver")

    page.one("button").click()

    page.wait(lambda: page.all("[data-status=done]"))
    assert "Bronze Age, talks to birds, a weaver" in page.text("#text")
    assert page.one("button").text == "Tell a story"
    assert page.complaints() == []


@pytest.mark.parametrize("page", ["numbers:40:100"], indirect=True)
def test_the_answer_streams_and_stops_when_it_is_told_to(page):
    page.one("button").click()
    page.wait(lambda: page.text("#text").split()[:3] == ["1", "2", "3"])
    assert page.one("button").text == "Stop"

    page.one("button").click()

    page.wait(lambda: page.all("[data-status=done]"))
    assert 3 <= len(page.text("#text").split()) < 40


@pytest.mark.parametrize("page", ["fail:500"], indirect=True)
def test_a_model_that_fails_is_told_of(page):
    page.one("button").click()

    page.wait(lambda: page.all("[data-status=failed]"))
    assert page.text("#text")
