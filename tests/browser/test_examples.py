"""The example front ends as a visitor meets them, on an origin of their own, with a widget key."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from selenium.webdriver.chrome.webdriver import WebDriver
from selenium.webdriver.common.keys import Keys

from tests.browser.relay import Relay, relay_to
from tests.browser.site import Browser, Site
from tests.server import ROOT

EXAMPLES = ROOT / "examples"
ASKED = "When does the moon rise over Ostrava?"
QUOTE = "The moon rises over Ostrava at nine in the evening."
NUMBERS = [str(number) for number in range(1, 41)]

pytestmark = pytest.mark.needs("chromium", "chromedriver", "node")


class Files(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module", params=["fetch", "react"])
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of an example, as they are put on a web server."""
    example, files = EXAMPLES / request.param, tmp_path_factory.mktemp("site") / "files"
    packages = example / "node_modules"
    shutil.copytree(example, files, ignore=shutil.ignore_patterns(packages.name, "dist"))
    if request.param == "react":
        if not packages.exists():
            pytest.skip("npm ci was not run")
        (files / packages.name).symlink_to(packages)
        subprocess.run(["npm", "run", "build"], cwd=files, check=True, capture_output=True)
    return files


@pytest.fixture
def wire(site: Site) -> Iterator[Relay]:
    """Between the page and the server."""
    with relay_to(site.url) as relay:
        yield relay


@pytest.fixture
def opened(
    driver: WebDriver, site: Site, wire: Relay, built: Path
) -> Iterator[Callable[..., Browser]]:
    """Opens the example on an app, as a new visitor."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Files, directory=str(built)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    origin = f"http://127.0.0.1:{server.server_port}"
    page = Browser(driver, site)

    def open_page(app: str, **config: str) -> Browser:
        body = {"kind": "widget", "origins": [origin]}
        made = site.server.http.post(f"/v1/apps/{app}/keys", json=body).json()
        config = {"server": wire.url, "app": app, "key": made["key"], **config}
        (built / "config.json").write_text(json.dumps(config))
        driver.get(origin)
        page.complaints()
        page.wait(lambda: page.all(".opening"))
        return page

    with closing(server.socket):
        yield open_page
        server.shutdown()


def finished(page: Browser, answers: int = 1) -> None:
    def is_over() -> bool:
        sends = [each for each in page.all("#send") if each.is_displayed()]
        writing = page.all("[data-status=streaming]")
        return len(page.all("article")) == answers and bool(sends) and not writing

    page.wait(is_over)


def counted(page: Browser) -> list[str]:
    return page.text("article:last-of-type .answer").split()


def test_a_citation_opens_the_document_at_the_quotation(opened):
    page = opened("almanac")
    page.wait(lambda: page.text("h1") == "Almanac")

    page.wait(lambda: page.all(".next button"))
    page.one(".next button").click()

    finished(page)
    assert page.text(".question") == ASKED
    assert QUOTE in page.text(".answer")
    assert "almanac/moon.md" in page.one(".sources").text
    page.one(".mark").click()
    page.wait(lambda: page.all("#passage mark"))
    assert page.text("#passage mark") == QUOTE
    assert page.one("#passage mark").is_displayed()
    assert "almanac/moon.md" in page.text("#passage h1")
    assert "The tide tables are printed every spring." in page.text("#passage p")
    page.driver.switch_to.active_element.send_keys(Keys.ESCAPE)
    page.wait(lambda: not page.all("#passage[open]"))
    assert page.complaints() == []


def test_tokens_appear_and_stop_keeps_them(opened):
    page = opened("counting")
    page.ask("Count, please.")
    page.wait(lambda: counted(page)[:3] == NUMBERS[:3])
    assert page.all("[data-status=streaming]")

    page.one("#stop").click()

    finished(page)
    written = counted(page)
    assert 3 <= len(written) < 40
    page.driver.refresh()
    page.wait(lambda: page.all("article"))
    assert counted(page) == written
    assert page.one("#send").is_displayed()


def test_a_reload_in_the_midst_of_an_answer_finds_it_and_sees_its_end(opened):
    page = opened("counting")
    page.ask("Count, please.")
    page.wait(lambda: counted(page)[:5] == NUMBERS[:5])

    page.driver.refresh()

    page.wait(lambda: page.all("[data-status=streaming] .answer"))
    finished(page)
    assert counted(page) == NUMBERS
    assert [each.text for each in page.all(".question")] == ["Count, please."]
    page.driver.refresh()
    page.wait(lambda: page.all("article"))
    assert counted(page) == NUMBERS
    page.ask("Again, please.")  # the conversation goes on
    page.wait(lambda: len(page.all("article")) == 2 and counted(page)[:1] == NUMBERS[:1])
    page.one("#stop").click()
    finished(page, 2)
    assert len(page.site.server.http.get("/v1/conversations").json()["data"]) == 1


def test_a_cut_connection_loses_no_token(opened, wire):
    page = opened("counting")
    page.ask("Count, please.")
    page.wait(lambda: counted(page)[:5] == NUMBERS[:5])

    wire.cut()

    finished(page)
    assert counted(page) == NUMBERS


def test_an_error_is_a_sentence_and_can_be_tried_again(opened, site, built):
    def publish(model: str) -> None:
        http.put(f"/v1/apps/{app}/draft", json={"base": {"model": model, "retrieval": None}})
        http.post(f"/v1/apps/{app}/publish").raise_for_status()

    http, app = site.server.http, f"mended-{built.parent.name}"
    http.post("/v1/apps", json={"slug": app, "name": "Mended"}).raise_for_status()
    publish("fail:500")
    page = opened(app)
    page.ask("Are you there?")
    page.wait(lambda: page.all(".error"))
    assert "language model" in page.text(".error")

    publish("echo")
    page.one(".error + button").click()

    page.wait(lambda: "Are you there?" in page.text("article:last-of-type .answer"))


def test_a_wrong_key_is_told_before_anything_is_asked(opened):
    page = opened("almanac", key="wrong")
    page.wait(lambda: page.all(".opening.error"))
    assert "key" in page.text(".opening")


def test_a_phone_shows_everything_without_scrolling_sideways_and_in_chinese(opened):
    page = opened("almanac")
    page.driver.set_window_size(500, 844)
    page.one("#language").click()
    page.wait(lambda: page.one("#question").get_attribute("placeholder") == "请输入问题")
    page.ask("月亮几点升起？")
    finished(page)
    assert page.script("return document.documentElement.scrollWidth <= innerWidth") is True
    page.one("#language").click()
    page.wait(lambda: page.text("#language") == "中文")
    page.driver.set_window_size(1280, 900)
