"""A session that is lost costs nothing that was typed: one signs in on the page, and goes on."""

from __future__ import annotations

import pytest
from selenium.webdriver.chrome.webdriver import WebDriver
from selenium.webdriver.common.keys import Keys

from tests.browser.person import Person
from tests.browser.site import Browser, Site

pytestmark = pytest.mark.needs("chromium", "chromedriver")


@pytest.fixture
def page(driver: WebDriver, site: Site) -> Browser:
    driver.set_window_size(1280, 900)
    browser = Browser(driver, site)
    browser.sign_in()
    return browser


def lose_session(page: Browser) -> None:
    page.driver.delete_all_cookies()


def sign_in_again(page: Browser) -> None:
    box = page.wait(lambda: page.all("dialog[aria-label='You are signed out'] input"))[0]
    box.send_keys("wrong", Keys.ENTER)
    page.wait(lambda: "not the admin key" in page.text("dialog[aria-label='You are signed out']"))
    box.clear()
    box.send_keys(page.site.server.key, Keys.ENTER)
    page.wait(lambda: not page.all("dialog[aria-label='You are signed out']"))


def test_a_question_is_asked_after_signing_in_again(page: Browser):
    page.chat("almanac")
    lose_session(page)
    page.ask("When does the moon rise over Ostrava?")
    sign_in_again(page)

    assert page.finished().get_attribute("data-status") == "completed"
    assert "at nine in the evening" in page.text(".answer-text")


def test_who_does_not_sign_in_again_keeps_the_question(page: Browser):
    page.chat("almanac")
    lose_session(page)
    page.ask("When does the moon rise over Ostrava?")
    box = page.wait(lambda: page.all("dialog[aria-label='You are signed out']"))[0]
    box.find_elements("css selector", ".end .button")[0].click()

    page.wait(lambda: "What you typed is still here" in page.text(".turn .failure"))
    assert page.text(".turn .question") == "When does the moon rise over Ostrava?"
    page.driver.execute_script("performance.now = () => 1e9")  # a while later
    page.one(".turn .retry").click()
    sign_in_again(page)
    page.wait(lambda: page.all(".turn[data-status=completed]"))


def test_what_stands_in_a_window_and_in_the_editor_is_saved_after_signing_in_again(page: Browser):
    http = page.site.server.http
    page.open("/console/apps/telling")
    person = Person(page)
    page.wait(lambda: page.all("textarea"))
    lose_session(page)
    person.fill("Instructions", "Speak of lighthouses only.")
    sign_in_again(page)
    page.wait(lambda: "lighthouses only" in http.get("/v1/apps/telling/draft").text)

    page.open("/console/knowledge")
    person.click("New knowledge base")
    person.fill("Name", "Lamps of the coast")
    lose_session(page)
    person.click("Create")
    sign_in_again(page)
    page.wait(lambda: page.text("#title") == "Lamps of the coast")
