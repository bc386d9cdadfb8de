"""Pictures of every page and state, in both languages and at two sizes, to be looked at.

    python -m bench.pictures FOLDER [--tutorial]

A server is looked at while it is empty, then with a small handbook: headless Chromium opens page
after page, opens windows, fails, and loses its session. With `--tutorial` only the pictures of
`docs/using/console.md` and its Chinese counterpart are made. Answers are those of the fake model
server, or sentences of the handbook: they say nothing about a model.
Needs Chromium and its driver, and for Chinese a font with Chinese characters.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from selenium.webdriver.chrome.webdriver import WebDriver

from bench.pictures.filling import SETTLED_S, filled
from bench.pictures.states import EMPTY, OTHERS, STATES, TUTORIAL, TUTORIAL_STATES, Act
from tests.browser.conftest import running_browser
from tests.browser.site import Browser, Site
from tests.fake_models import running_fake_server
from tests.server import running_server

SIZES = {"desk": (1280, 800, False), "phone": (390, 844, True)}
WITHOUT_READY = ("sign-in", "sign-in-wrong", "bad-link")

Pictures = Mapping[str, tuple[str, Act]]


def main() -> None:
    """Make the pictures."""
    parser = argparse.ArgumentParser(description="Pictures of every page and state.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tutorial", action="store_true")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    is_short = arguments.tutorial
    with (
        tempfile.TemporaryDirectory() as folder,
        running_fake_server() as model,
        running_server(Path(folder) / "data") as server,
        running_browser(Path(folder) / "profile") as driver,
    ):
        browser = Browser(driver, Site(server, ""))
        browser.sign_in()
        if not is_short:
            take(browser, plain(EMPTY), {}, arguments.folder, list(SIZES))
        named = filled(server, model.base_url)
        if is_short:
            wanted = plain(TUTORIAL) | {name: STATES[name] for name in TUTORIAL_STATES}
            take(browser, wanted, named, arguments.folder, [])
        else:
            wanted = plain(TUTORIAL | OTHERS) | STATES
            take(browser, wanted, named, arguments.folder, list(SIZES))


def plain(pages: Mapping[str, str]) -> dict[str, tuple[str, Act]]:
    """Pages that nothing is done on."""
    return {name: (path, lambda _: None) for name, path in pages.items()}


def take(
    browser: Browser, wanted: Pictures, named: Mapping[str, str], folder: Path, sizes: list[str]
) -> None:
    """Each picture in both languages: at all sizes, or at one that its name leaves out."""
    for language in ("en", "zh"):
        for size in sizes or ["desk"]:
            resized(browser.driver, *SIZES[size])
            for name, (path, act) in wanted.items():
                look(browser, language, name, path.format(**named), act)
                parts = (name, language, size) if sizes else (name, language)
                browser.driver.save_screenshot(str(folder / f"{'-'.join(parts)}.png"))


def look(browser: Browser, language: str, name: str, path: str, act: Act) -> None:
    """Open a page in a language, signed in, and bring it into its state."""
    driver = browser.driver
    driver.get("about:blank")  # or an address that differs behind its # alone would not be opened
    if not driver.get_cookies() and not path.startswith("/login"):
        browser.sign_in()
    driver.get(browser.site.url + "/static/icon.svg")
    driver.execute_script("localStorage.setItem('kb.language', arguments[0])", language)
    open_page = driver.get if name in WITHOUT_READY else browser.open_at
    open_page(browser.site.url + path)
    time.sleep(SETTLED_S)
    act(browser)
    time.sleep(SETTLED_S if name != "story" else 0)


def resized(driver: WebDriver, width: int, height: int, is_phone: bool) -> None:
    """Show pages as a screen of this size does."""
    screen = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": is_phone}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)


if __name__ == "__main__":
    main()
