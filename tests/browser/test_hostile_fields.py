"""Hostile texts in every field that the console shows: they stay texts."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from selenium.webdriver.chrome.webdriver import WebDriver

from tests.browser.site import Browser, Site

pytestmark = pytest.mark.needs("chromium", "chromedriver")

PAYLOADS = (
    '<img src=x onerror="window.pwned=1">',
    "<script>window.pwned=1</script>",
    '"><svg/onload=window.pwned=1>',
    "javascript:window.pwned=1",
    "{{constructor.constructor('window.pwned=1')()}}",
    "![x](http://off-origin.invalid/x.png)<iframe srcdoc='<script>top.pwned=1</script>'>",
    "\u202e</textarea><details open ontoggle=window.pwned=1>",
    "' onfocus='window.pwned=1' autofocus='",
)
HOSTILE = " ".join(PAYLOADS)


@pytest.fixture
def made(driver: WebDriver, site: Site) -> Iterator[tuple[Browser, list[str]]]:
    """Objects whose every field is hostile, and the pages that show them."""
    http = site.server.http
    dataset = http.post("/v1/datasets", json={"name": HOSTILE[:200], "description": HOSTILE}).json()
    name = "x\u02c2img src=x onerror=window.pwned=1\u02c3 ' onfocus='window.pwned=1' autofocus='.md"
    text = f"# {PAYLOADS[0]}\n\nThe gate {HOSTILE} opens at nine."
    path = f"/v1/datasets/{dataset['id']}/documents"
    http.post(path, files=[("files", (name, text.encode()))]).raise_for_status()
    body = {"slug": "hostile", "name": HOSTILE[:200], "opening": HOSTILE, "icon": "<b>"}
    http.post("/v1/apps", json={**body, "suggested_questions": [HOSTILE[:200]]}).raise_for_status()
    inputs = [{"name": "who", "label": PAYLOADS[0], "default": PAYLOADS[2]}]
    draft = {"prompt": HOSTILE, "refusal": HOSTILE, "inputs": inputs}
    draft["dataset_ids"] = [dataset["id"]]
    http.put("/v1/apps/hostile/draft", json=draft).raise_for_status()
    http.post("/v1/apps/hostile/publish").raise_for_status()
    asked = {"query": f"When opens the gate? {HOSTILE}", "stream": False, "user": PAYLOADS[0]}
    conversation = http.post("/v1/apps/hostile/chat", json=asked).json()["conversation_id"]
    http.post("/v1/tuning/sets", json={"name": "hostile", "description": HOSTILE})
    rows = f'{{"messages": [{{"role": "user", "content": "{PAYLOADS[3]}"}}, ' + (
        f'{{"role": "assistant", "content": "{PAYLOADS[1]}"}}]}}\n'
    )
    uploaded = {"file": ("rows.jsonl", rows.encode())}
    http.post("/v1/tuning/sets/hostile/versions", files=uploaded).raise_for_status()
    document = http.get(path).json()["data"][0]["id"]
    home = f"/console/knowledge/{dataset['id']}"
    tabs = ("prompt", "knowledge", "model", "welcome", "versions", "share")
    browser = Browser(driver, site)
    browser.sign_in()
    browser.hosts_asked(), browser.complaints()
    yield (
        browser,
        [
            "/console",
            *(f"{home}?tab={tab}" for tab in ("documents", "search", "settings")),
            f"{home}/documents/{document}",
            "/console/apps",
            *(f"/console/apps/hostile?tab={tab}" for tab in tabs),
            "/console/conversations",
            f"/console/conversations/{conversation}",
            "/console/tuning",
            "/console/tuning/sets/hostile",
            "/?app=hostile",
            f"/?app=hostile&c={conversation}",
        ],
    )
    for gone in ("apps/hostile", f"datasets/{dataset['id']}", "tuning/sets/hostile"):
        http.delete(f"/v1/{gone}").raise_for_status()


def test_no_field_runs_a_script_or_asks_others(made: tuple[Browser, list[str]]):
    browser, pages = made
    own = {urlsplit(browser.site.url).netloc}
    for path in pages:
        browser.open(path)
        assert browser.driver.execute_script("return window.pwned") is None, path
        foreign = "#page img, #page iframe, #page script, #turns img, #welcome img"
        assert browser.all(foreign) == [], path
    assert browser.hosts_asked() <= own
    assert browser.complaints() == []
