"""Counts what a page's scripts do, so that a test can compare a text with one twice as long.

A step is a function or block that ran, as V8's precise coverage counts them, or a character that a
built-in method of strings has looked at. Regular expressions count what they are given: that they
look at each character a fixed number of times is for `tests/arch/test_web.py` to say.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium.webdriver.chrome.webdriver import WebDriver

from tests.browser.conftest import running_browser
from tests.browser.site import Browser

COUNT_CHARACTERS = """
if (!window.characters) {
  window.characters = { seen: 0 };
  const reads = ["slice", "substring", "split", "trim", "trimStart", "trimEnd", "replace",
    "replaceAll", "repeat", "match", "matchAll", "indexOf", "includes", "startsWith", "endsWith"];
  for (const name of reads) {
    const original = String.prototype[name];
    String.prototype[name] = function (...args) {
      const result = original.apply(this, args);
      window.characters.seen += looked[name]?.(this, args, result) ?? this.length;
      return result;
    };
  }
  const looked = {
    slice: (text, args, result) => result.length,
    substring: (text, args, result) => result.length,
    repeat: (text, args, result) => result.length,
    startsWith: (text, [needle]) => needle.length,
    endsWith: (text, [needle]) => needle.length,
    indexOf: (text, [needle, from = 0], found) =>
      (found < 0 ? text.length : found + needle.length) - from,
  };
  for (const name of ["exec", "test"]) {
    const original = RegExp.prototype[name];
    RegExp.prototype[name] = function (text) {
      window.characters.seen += String(text).length;
      return original.call(this, text);
    };
  }
}
window.characters.seen = 0;
"""


@contextmanager
def counting_browser(profile: Path) -> Iterator[WebDriver]:
    """A browser that has compiled nothing yet: what is compiled from now on counts its steps."""
    with running_browser(profile, "--js-flags=--no-flush-bytecode") as driver:
        driver.execute_cdp_cmd("Profiler.enable", {})
        counts = {"callCount": True, "detailed": True}
        driver.execute_cdp_cmd("Profiler.startPreciseCoverage", counts)
        yield driver


def steps(page: Browser, script: str, *arguments: Any) -> int:
    """Run the body of an async function in the page and count its steps in the page's modules."""
    page.driver.execute_script(COUNT_CHARACTERS)
    page.driver.execute_cdp_cmd("Profiler.takePreciseCoverage", {})
    failure = page.script(script, *arguments)
    assert failure is None, failure
    seen = int(page.driver.execute_script("return window.characters.seen"))
    scripts = page.driver.execute_cdp_cmd("Profiler.takePreciseCoverage", {})["result"]
    return seen + sum(
        block["count"]
        for loaded in scripts
        if "/static/" in loaded["url"]
        for function in loaded["functions"]
        for block in function["ranges"]
    )
