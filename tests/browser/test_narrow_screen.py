"""A phone: nothing scrolls sideways, inputs do not make the browser zoom, the drawer works."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from selenium.webdriver.chrome.webdriver import WebDriver

from tests.browser.site import Browser, Site

pytestmark = pytest.mark.needs("chromium", "chromedriver")

PHONE = {"width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": True}

OVERFLOWING = """
const wide = document.documentElement.clientWidth;
return [...document.querySelectorAll("body *")]
  .filter((node) => node.checkVisibility())
  .filter((node) => !node.closest("pre, .table, .tabs, #sidebar, .hidden, .skip"))
  .filter((node) => node.getBoundingClientRect().right > wide + 0.5)
  .map((node) => node.tagName + "." + node.className);
"""


@pytest.fixture
def phone(driver: WebDriver, site: Site) -> Iterator[Browser]:
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", PHONE)
    browser = Browser(driver, site)
    browser.sign_in()
    yield browser
    driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def fits(page: Browser) -> bool:
    assert page.driver.execute_script(OVERFLOWING) == []
    width = "return document.documentElement.scrollWidth <= window.innerWidth"
    return bool(page.driver.execute_script(width))


def test_nothing_scrolls_sideways(phone: Browser):
    phone.chat("almanac")
    assert fits(phone)

    phone.answer("When does the moon rise over Ostrava? " + "x" * 120)
    assert fits(phone)

    phone.one(".answer-text .mark, .source").click()
    phone.wait(lambda: phone.all("#passage-body .cited"))
    assert fits(phone)
    phone.one("#passage [aria-label=Close]").click()

    phone.chat("echoing")
    phone.answer("https://a.example/" + "y" * 200 + " `" + "z" * 200 + "`")
    assert fits(phone)

    for path in (f"knowledge/{phone.site.dataset_id}", "apps", "apps/almanac"):
        phone.open(f"/console/{path}")
        for tab in range(max(1, len(phone.all("[role=tab]")))):
            if tabs := phone.all("[role=tab]"):
                tabs[tab].click()
            phone.wait(lambda: phone.all(".panel, .cards"))
            assert fits(phone), path


def test_inputs_are_large_enough_not_to_be_zoomed(phone: Browser):
    phone.chat("almanac")
    size = "return getComputedStyle(document.getElementById('question')).fontSize"

    assert phone.driver.execute_script(size) == "16px"


def test_the_conversations_are_in_a_drawer(phone: Browser):
    phone.chat("almanac")
    assert not phone.one("#new").is_displayed()

    phone.one("#menu").click()
    phone.wait(lambda: phone.one("#new").is_displayed())
    phone.one("#new").click()

    phone.wait(lambda: not phone.one("#new").is_displayed())
