"""What a page shows its reader: the language it speaks, and what a reader of the screen misses."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.arch.test_web import WEB
from tests.browser.site import Browser

AXE = Path(__file__).parent / "node" / "node_modules" / "axe-core" / "axe.min.js"
SERIOUS = """
const found = await axe.run(args[0], { resultTypes: ["violations"] });
return found.violations
  .filter(({ impact }) => impact === "serious" || impact === "critical")
  .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join(" | ")}`);
"""
TEXTS = """
const part = document.querySelector(args[0]);
const walker = document.createTreeWalker(part, NodeFilter.SHOW_TEXT);
const texts = [];
while (walker.nextNode()) texts.push(walker.currentNode.nodeValue.trim());
for (const node of part.querySelectorAll("[aria-label], [placeholder], [title]")) {
  texts.push(node.ariaLabel, node.placeholder, node.title);
}
return texts.filter(Boolean);
"""
ENGLISH = re.compile(r'^  "((?:[^"\\]|\\.)*)":', re.MULTILINE)


def reads_chinese(browser: Browser) -> bool:
    """Whether the reader has chosen Chinese, whatever the present page was opened in."""
    return bool(browser.driver.execute_script("return localStorage.getItem('kb.language')") == "zh")


def english() -> set[str]:
    """Every text of the pages that has another language."""
    tables = (WEB / "words").glob("zh-*.js")
    return {word for path in tables for word in ENGLISH.findall(path.read_text("utf-8"))}


def shown(browser: Browser, within: str = "body") -> set[str]:
    """Every text of a page or a part of it, names for readers of the screen among them."""
    return set(browser.script(TEXTS, within))


def wear(browser: Browser, theme: str) -> None:
    """Let the browser ask for light or dark pages."""
    feature = {"features": [{"name": "prefers-color-scheme", "value": theme}]}
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", feature)


def barriers(browser: Browser, within: str = "html") -> list[str]:
    """The serious ones that axe-core finds."""
    if not AXE.is_file():
        pytest.skip("npm ci was not run")
    browser.driver.execute_script(AXE.read_text("utf-8"))
    return list(browser.script(SERIOUS, within))
