"""A real browser on a real server: headless Chromium, driven over WebDriver.

The browser may reach 127.0.0.1 only, and its network log is kept, so a test can show that a page
asked nobody else for anything.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.chrome.webdriver import WebDriver

from tests.browser.site import Browser, Site, fill
from tests.fake_models import running_fake_server
from tests.server import running_server

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--force-prefers-reduced-motion",
    "--window-size=1280,900",
    "--lang=en",
)


@contextmanager
def running_browser(profile: Path, *flags: str) -> Iterator[WebDriver]:
    """A browser with an empty profile."""
    options = Options()
    options.binary_location = shutil.which("chromium") or ""
    for flag in (*FLAGS, *flags, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    started = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    started.set_script_timeout(30)
    try:
        yield started
    finally:
        started.quit()


@pytest.fixture(scope="session")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebDriver]:
    """One browser for all tests."""
    with running_browser(tmp_path_factory.mktemp("profile")) as started:
        yield started


@pytest.fixture
def site(filled: Site) -> Site:
    """A site where nobody has asked anything yet, whichever tests came before."""
    filled.forget_conversations()
    return filled


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server with documents and apps, and a language model that needs no model."""
    data: Path = tmp_path_factory.mktemp("site") / "data"
    with running_fake_server() as model, running_server(data) as server:
        yield fill(server, model.base_url)


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
