"""The chat on a foreign website: one line of script, the website's own origin and no other."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from selenium.webdriver.chrome.webdriver import WebDriver

from tests.browser.site import Browser, Site

pytestmark = pytest.mark.needs("chromium", "chromedriver")

PAGE = """<!doctype html><title>Shop</title><style>button {{ display: none }}</style>
<h1>Shop</h1>
<script src="{url}/widget.js" async
  data-app="almanac" data-key="{key}" data-label="Ask us"></script>
"""


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def website(folder: Path) -> Iterator[str]:
    """A website with the files of a folder; its origin."""
    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=folder)) as web:
        threading.Thread(target=web.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{web.server_port}"
        web.shutdown()


@pytest.fixture
def shop(driver: WebDriver, site: Site, tmp_path: Path) -> Iterator[tuple[Browser, str]]:
    driver.set_window_size(1280, 900)
    driver.delete_all_cookies()
    with website(tmp_path) as origin:
        body = {"kind": "widget", "origins": [origin]}
        key = site.server.http.post("/v1/apps/almanac/keys", json=body).json()["key"]
        (tmp_path / "index.html").write_text(PAGE.format(url=site.url, key=key))
        yield Browser(driver, site), origin


def open_widget(browser: Browser, origin: str) -> None:
    """Open the website and press the button of the widget, which has a tree of its own."""
    browser.driver.get(origin)
    find = "return [...document.body.children].map((one) => one.shadowRoot).find(Boolean)"
    root = browser.wait(lambda: browser.driver.execute_script(find))
    button = root.find_element("css selector", "button")
    assert button.text == "Ask us"
    button.click()
    browser.driver.switch_to.frame(root.find_element("css selector", "iframe"))


def test_visitors_of_a_website_are_answered_in_a_frame(shop: tuple[Browser, str]):
    browser, origin = shop
    open_widget(browser, origin)
    browser.wait(lambda: browser.driver.execute_script("return document.body.dataset.ready"))
    browser.answer("When does the moon rise over Ostrava?")
    assert "nine in the evening" in browser.text(".answer-text")
    assert not browser.one("#sidebar").is_displayed()
    browser.driver.switch_to.default_content()


def test_a_website_chooses_colour_theme_place_and_title(shop: tuple[Browser, str], tmp_path: Path):
    browser, origin = shop
    page = tmp_path / "index.html"
    look = 'data-color="#ffcc00" data-theme="dark" data-position="left" data-title="Ask the moon"'
    page.write_text(page.read_text().replace("data-label=", f"{look} data-label="))
    open_widget(browser, origin)
    browser.wait(lambda: browser.driver.execute_script("return document.body.dataset.ready"))

    assert browser.one("#main > header strong").text == "Ask the moon"
    body = browser.one("body")
    assert body.value_of_css_property("background-color") == "rgba(19, 23, 22, 1)"
    send = browser.one("#send")
    assert send.value_of_css_property("background-color") == "rgba(255, 204, 0, 1)"
    assert send.value_of_css_property("color") == "rgba(0, 0, 0, 1)"
    browser.driver.switch_to.default_content()
    root = browser.driver.execute_script(
        "return [...document.body.children].map((one) => one.shadowRoot).find(Boolean)"
    )
    button, frame = (root.find_element("css selector", name) for name in ("button", "iframe"))
    assert button.rect["x"] == frame.rect["x"] == 20
    assert button.value_of_css_property("background-color") == "rgba(255, 204, 0, 1)"
    assert frame.get_attribute("title") == "Ask the moon"


def test_other_websites_may_not_show_the_chat(shop: tuple[Browser, str], tmp_path: Path):
    browser, _ = shop
    frame = f'<iframe src="{browser.site.url}/chat/almanac"></iframe>'
    (tmp_path / "other.html").write_text(frame)
    browser.complaints()
    with website(tmp_path) as foreign:
        browser.driver.get(f"{foreign}/other.html")
        said = " ".join(browser.wait(browser.complaints))
    assert "frame-ancestors" in said
