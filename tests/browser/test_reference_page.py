"""The API reference shows every operation, to everybody, and asks no other origin for anything."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from selenium.webdriver.chrome.webdriver import WebDriver

from tests.api.operations import operations
from tests.browser.site import Browser, Site

pytestmark = pytest.mark.needs("chromium", "chromedriver")


def test_the_reference_shows_every_operation_with_its_answer_and_an_example(
    driver: WebDriver, site: Site
):
    page = Browser(driver, site)
    page.hosts_asked(), page.complaints()  # of earlier tests
    page.open("/docs")
    assert len(page.all("details")) == len(operations())

    page.one("#filter").send_keys("post /search")
    [search] = [each for each in page.all("details") if each.is_displayed()]
    search.find_element("css selector", "summary").click()

    page.wait(lambda: search.find_elements("css selector", "pre"))
    assert "SearchResponse" in search.text
    assert '"took_ms": 0.5' in search.text
    assert page.hosts_asked() == {urlsplit(site.url).netloc}
    assert page.complaints() == []
