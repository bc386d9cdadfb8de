"""Every page, in each language and theme: nothing untranslated, nothing that a reader of the screen
misses, nothing asked of others, nothing in the log of the browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver.chrome.webdriver import WebDriver

from tests.arch.test_web import WEB
from tests.browser.site import Browser, Site

pytestmark = pytest.mark.needs("chromium", "chromedriver")

AXE = Path(__file__).parent / "node" / "node_modules" / "axe-core" / "axe.min.js"
SERIOUS = """
const found = await axe.run({ resultTypes: ["violations"] });
return found.violations
  .filter(({ impact }) => impact === "serious" || impact === "critical")
  .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join(" | ")}`);
"""
TEXTS = """
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
const texts = [];
while (walker.nextNode()) texts.push(walker.currentNode.nodeValue.trim());
for (const node of document.querySelectorAll("[aria-label], [placeholder], [title]")) {
  texts.push(node.ariaLabel, node.placeholder, node.title);
}
return texts.filter(Boolean);
"""
ENGLISH = re.compile(r'^  "((?:[^"\\]|\\.)*)":', re.MULTILINE)


def pages(site: Site) -> list[str]:
    conversation = site.server.http.post(
        "/v1/apps/almanac/chat", json={"query": "When does the moon rise?", "stream": False}
    ).json()["conversation_id"]
    document = site.server.http.get(f"/v1/datasets/{site.dataset_id}/documents").json()["data"][0]
    site.server.http.post("/v1/tuning/sets", json={"name": "tales"})  # 409 where it is there
    knowledge = f"/console/knowledge/{site.dataset_id}"
    editor = "/console/apps/counting"
    tabs = ("prompt", "knowledge", "model", "welcome", "versions", "share")
    return [
        "/?app=almanac",
        f"/?app=almanac&c={conversation}",
        "/console",
        *(f"{knowledge}?tab={tab}" for tab in ("documents", "search", "settings")),
        f"{knowledge}/documents/{document['id']}",
        "/console/apps",
        *(f"{editor}?tab={tab}" for tab in tabs),
        "/console/models",
        "/console/conversations",
        f"/console/conversations/{conversation}",
        "/console/usage",
        "/console/review",
        "/console/tuning",
        "/console/tuning/sets/tales",
        "/console/health",
        "/console/nowhere",
    ]


def settled(browser: Browser) -> None:
    """Wait until nothing is on its way any more."""
    browser.wait(lambda: not any(node.is_displayed() for node in browser.all(".progress")))


@pytest.fixture(params=["en", "zh"])
def reader(driver: WebDriver, site: Site, request: pytest.FixtureRequest) -> Iterator[Browser]:
    """Somebody who reads one of the languages."""
    driver.set_window_size(1280, 900)
    browser = Browser(driver, site)
    browser.sign_in()
    driver.execute_script("localStorage.setItem('kb.language', arguments[0])", request.param)
    browser.complaints(), browser.hosts_asked()
    yield browser
    driver.execute_script("localStorage.clear()")
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_pages_speak_one_language_and_ask_nobody_else(reader: Browser):
    chinese = reader.driver.execute_script("return localStorage.getItem('kb.language')") == "zh"
    tables = (WEB / "words").glob("zh-*.js")
    english = {word for path in tables for word in ENGLISH.findall(path.read_text("utf-8"))}
    for path in pages(reader.site):
        reader.open(path)
        settled(reader)
        shown = set(reader.script(TEXTS))
        left = (shown & english) - {"Models"} if chinese else {t for t in shown if "知识库" in t}
        assert left == set(), path
        assert reader.driver.execute_script("return document.documentElement.lang") == (
            "zh" if chinese else "en"
        )
    assert reader.hosts_asked() <= {reader.site.url.removeprefix("http://")}
    assert [line for line in reader.complaints() if "/console/nowhere" not in line] == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_page_has_a_serious_barrier(reader: Browser, theme: str):
    if not AXE.is_file():
        pytest.skip("npm ci was not run")
    feature = {"features": [{"name": "prefers-color-scheme", "value": theme}]}
    reader.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", feature)
    found = {}
    for path in [*pages(reader.site), "/login"]:
        if path == "/login":
            reader.driver.get(reader.site.url + path)
        else:
            reader.open(path)
            settled(reader)
        reader.driver.execute_script(AXE.read_text("utf-8"))
        if barriers := reader.script(SERIOUS):
            found[path] = barriers
    assert found == {}
