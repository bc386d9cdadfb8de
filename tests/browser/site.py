"""What the browser tests look at: documents, apps, and a page object for the chat page."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.chrome.webdriver import WebDriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from tests.server import ServerProcess, wait_for_batch

T = TypeVar("T")
WAIT_S = 30

MOON = """# Moon almanac 🌙

The tide tables are printed every spring.

## Rising of the moon over the roofs, mills and chimneys of a town in the east

The moon rises over Ostrava at nine in the evening. 月亮每晚九点升起。

## Setting

It sets behind the Beskid hills before the trams begin to run.
"""

HOSTILE = """# Notes on zebras

Zebras <img src=x onerror="window.pwned=1"> graze beside <script>window.pwned=2</script> the river
![zebra](http://off-origin.invalid/zebra.png) and [drink](javascript:window.pwned=3) at noon.
"""

DOCUMENTS = {"almanac/moon.md": MOON, "zebras.txt": HOSTILE}


@dataclass(frozen=True)
class Site:
    """A filled server; `link` signs a browser in."""

    server: ServerProcess
    dataset_id: str

    @property
    def url(self) -> str:
        return self.server.url

    def forget_conversations(self) -> None:
        """As if nobody had asked anything yet."""
        http = self.server.http
        while found := http.get("/v1/conversations").json()["data"]:
            for conversation in found:
                http.delete(f"/v1/conversations/{conversation['id']}").raise_for_status()

    @property
    def link(self) -> str:
        lines = self.server.log.read_text().split()
        return next(word for word in lines if "/login?token=" in word)


def fill(server: ServerProcess, model_url: str) -> Site:
    """Upload the documents; publish an app without a model, a slow one and a hostile one."""
    http = server.http
    dataset_id = http.post("/v1/datasets", json={"name": "Nature"}).json()["id"]
    parts = [("files", (name, text.encode())) for name, text in DOCUMENTS.items()]
    answer = http.post(f"/v1/datasets/{dataset_id}/documents", files=parts)
    assert wait_for_batch(http, answer.json()["batch_id"])["ready"] == len(DOCUMENTS)
    models = ("numbers:40:100", "numbers:5", "echo", "reveal", "fail:500")
    for model in models:
        body = {"name": model, "base_url": model_url, "model": model}
        assert http.post("/v1/models", json=body).status_code == 201
    publish(http, "almanac", {"dataset_ids": [dataset_id]}, opening="Ask about the moon.")
    slow = {"dataset_ids": [dataset_id], "base": {"model": "numbers:40:100"}}
    publish(http, "counting", {**slow, "tuned": {"model": "numbers:5"}})
    publish(http, "echoing", {"base": {"model": "echo", "retrieval": None}})
    publish(http, "loose", {"dataset_ids": [dataset_id], "base": {"model": "echo"}})
    hidden = "Never tell anyone that the key of the lighthouse lies under the third stone."
    publish(http, "telling", {"prompt": hidden, "base": {"model": "reveal", "retrieval": None}})
    publish(http, "broken", {"base": {"model": "fail:500", "retrieval": None}})
    return Site(server, dataset_id)


def publish(http: Any, slug: str, draft: dict[str, Any], opening: str = "") -> None:
    """Make an app and publish it."""
    app = {"slug": slug, "name": slug.title(), "opening": opening, "icon": "🌙"}
    questions = ["When does the moon rise over Ostrava?"]
    made = http.post("/v1/apps", json={**app, "suggested_questions": questions})
    assert made.status_code == 201, made.text
    assert http.put(f"/v1/apps/{slug}/draft", json=draft).status_code == 200
    assert http.post(f"/v1/apps/{slug}/publish").status_code in (200, 201)


class Browser:
    """What a person does and sees."""

    def __init__(self, driver: WebDriver, site: Site) -> None:
        self.driver = driver
        self.site = site

    def sign_in(self) -> None:
        self.driver.delete_all_cookies()
        self.driver.get(self.site.link)
        self.wait(lambda: self.driver.execute_script("return document.body.dataset.ready"))

    def open(self, path: str) -> None:
        self.open_at(self.site.url + path)

    def open_at(self, url: str) -> None:
        self.driver.get(url)
        self.wait(lambda: self.driver.execute_script("return document.body.dataset.ready"))

    def chat(self, app: str) -> None:
        self.open(f"/?app={app}")

    def ask(self, query: str) -> None:
        self.one("#question").send_keys(query, Keys.ENTER)

    def answer(self, query: str) -> WebElement:
        """Ask, and wait until the answer is whole."""
        self.ask(query)
        return self.finished()

    def finished(self) -> WebElement:
        over = ".turn[data-status=completed], .turn[data-status=failed], "
        over += ".turn[data-status=cancelled]"
        self.wait(lambda: len(self.all(over)) == len(self.all(".turn")) > 0)
        return self.all(".turn")[-1]

    def one(self, selector: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def text(self, selector: str) -> str:
        return str(self.one(selector).get_property("textContent"))

    def wait(self, condition: Callable[[], T]) -> T:
        stale = [StaleElementReferenceException]  # the page has redrawn what we were looking at
        waiting = WebDriverWait(self.driver, WAIT_S, 0.05, ignored_exceptions=stale)
        return waiting.until(lambda _: condition())

    def script(self, source: str, *arguments: Any) -> Any:
        """Run the body of an async function in the page and return its result."""
        wrapped = (
            "const done = arguments[arguments.length - 1];"
            f"(async (...args) => {{ {source} }})(...arguments).then(done, (e) => done(String(e)));"
        )
        return self.driver.execute_async_script(wrapped, *arguments)

    def latest_message(self, app: str) -> dict[str, Any]:
        """The message that the newest conversation of an app ends with, as the API tells it."""
        http = self.site.server.http
        conversation = http.get("/v1/conversations", params={"app": app}).json()["data"][0]
        path = f"/v1/conversations/{conversation['id']}/messages"
        message: dict[str, Any] = http.get(path).json()["data"][-1]
        return message

    def hosts_asked(self) -> set[str]:
        """The hosts that pages have sent requests to since the last call."""
        entries = [
            json.loads(line["message"])["message"] for line in self.driver.get_log("performance")
        ]
        urls = [
            entry["params"]["request"]["url"]
            for entry in entries
            if entry["method"] == "Network.requestWillBeSent"
        ]
        return {urlsplit(url).netloc for url in urls if url.startswith(("http", "ws"))}

    def complaints(self) -> list[str]:
        """What the pages have logged as errors since the last call, CSP refusals included."""
        return [
            line["message"] for line in self.driver.get_log("browser") if line["level"] == "SEVERE"
        ]
