"""Somebody who has never written code: finds every control by the words on the page.

What cannot be reached without scrolling at 1280 × 800 is not found. Each click and each text typed
counts as one step.
"""

from __future__ import annotations

from pathlib import Path

from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.select import Select

from tests.browser.site import Browser

IN_VIEW = """
const box = arguments[0].getBoundingClientRect();
const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
const top = document.elementFromPoint(x, y);
const label = arguments[0].labels?.[0];
if (top === null) return false;
return arguments[0].contains(top) || top.contains(arguments[0]) || !!label?.contains(top);
"""

NAMES = r"""
const wanted = arguments[0];
const named = (node) => [
  node.getAttribute("aria-label"), node.innerText?.trim().split("\n")[0], node.placeholder,
  ...[...(node.labels ?? [])].map((label) => label.innerText.trim()),
];
return [...document.querySelectorAll(arguments[1])].filter((node) => named(node).includes(wanted));
"""

CLICKED = "button, a, summary, [role=tab], input[type=checkbox]"
TYPED = "input, textarea, select"


class Person:
    """Acts on the page that a browser shows, and counts the steps."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        self.steps: list[str] = []

    def click(self, label: str) -> None:
        """Click what is called so."""
        self.steps.append(f"click {label}")
        self._find(label, CLICKED).click()

    def fill(self, label: str, text: str) -> None:
        """Type a text into the box that is called so, in place of what stands there."""
        self.steps.append(f"type {label}")
        box = self._find(label, TYPED)
        box.clear()
        box.send_keys(text)

    def choose(self, label: str, option: str) -> None:
        """Choose from the list that is called so."""
        self.steps.append(f"choose {label}")
        Select(self._find(label, TYPED)).select_by_visible_text(option)

    def give(self, button: str, *files: Path) -> None:
        """Choose files where a button asks for them; the window of the system is not there."""
        self.steps.append(f"files {button}")
        self._find(button, CLICKED)
        chooser = self.browser.all("input[type=file][multiple]")[0]
        chooser.send_keys("\n".join(map(str, files)))

    def sees(self, text: str) -> bool:
        """Whether a text stands on the page, sooner or later."""
        body = self.browser.driver.find_element
        return bool(self.browser.wait(lambda: text in body(By.TAG_NAME, "body").text))

    def _find(self, label: str, kinds: str) -> WebElement:
        return self.browser.wait(lambda: self._in_view(label, kinds))[0]

    def _in_view(self, label: str, kinds: str) -> list[WebElement]:
        """Looked for anew each time: the page may have redrawn what was found a moment ago."""
        script = self.browser.driver.execute_script
        return [
            node
            for node in script(NAMES, label, kinds)
            if node.is_displayed() and node.is_enabled() and script(IN_VIEW, node)
        ]
