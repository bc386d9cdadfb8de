"""From an empty folder to a published bot, by the words on the page and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver.chrome.webdriver import WebDriver

from tests.browser.person import Person
from tests.browser.site import Browser, Site
from tests.fake_models import running_fake_server
from tests.server import running_server

pytestmark = pytest.mark.needs("chromium", "chromedriver")

MOST_STEPS = 25


@pytest.fixture
def empty(driver: WebDriver, tmp_path: Path) -> Iterator[tuple[Browser, str]]:
    """A browser that is signed in to an empty server, and the address of a language model."""
    driver.set_window_size(1280, 800)
    with running_fake_server() as model, running_server(tmp_path / "data") as server:
        browser = Browser(driver, Site(server, ""))
        browser.sign_in()
        browser.complaints()
        yield browser, model.base_url


def test_documents_become_a_bot_that_others_can_ask(empty: tuple[Browser, str], tmp_path: Path):
    browser, model_url = empty
    person = Person(browser)
    (tmp_path / "leave.md").write_text("# Leave\n\nEmployees have 28 days of leave a year.\n")

    person.click("Add documents")
    person.click("New knowledge base")
    person.fill("Name", "Handbook")
    person.click("Create")
    person.give("Choose files", tmp_path / "leave.md")
    assert person.sees("1 of 1 ready")
    person.click("Create an app from it")
    person.fill("Instructions", "Answer as the personnel office does. {{context}}")
    person.click("Add a variable")
    person.fill("Shown as", "Your site")
    person.click("Models")
    person.click("Connect a language model")
    person.fill("Address", model_url)
    person.fill("Model", "cite")
    person.click("Save and test")
    assert person.sees("First word after")
    person.click("Close")
    person.click("Apps")
    person.click("Handbook")
    person.fill("Question to try", "How many days of leave do employees have?")
    person.click("Ask")
    shown = browser.wait(lambda: browser.one(".turn[data-status=completed] .model"))
    assert shown.text == "cite"
    person.click("Publish")
    assert person.sees("Version 1 answers now.")
    person.click("Share")
    person.click("Create a share link")
    link = browser.wait(lambda: browser.one(".shown-once input")).get_attribute("value")
    assert len(person.steps) <= MOST_STEPS
    assert browser.complaints() == []

    browser.driver.delete_all_cookies()  # somebody else, who has the link and nothing more
    browser.open_at(str(link))
    browser.answer("How many days of leave do employees have?")
    assert browser.one(".answer-text").text
    assert browser.all(".source")
    assert not browser.one("#console-link").is_displayed()
    assert browser.complaints() == []
