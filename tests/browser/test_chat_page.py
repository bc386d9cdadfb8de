"""The chat page as a person meets it: ask, read, check a source, stop, come back."""

from __future__ import annotations

import pytest
from selenium.webdriver.chrome.webdriver import WebDriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from kb.version import version
from tests.browser.relay import relay_to
from tests.browser.site import Browser, Site

pytestmark = pytest.mark.needs("chromium", "chromedriver")

QUESTION = "When does the moon rise over Ostrava?"


@pytest.fixture
def page(driver: WebDriver, site: Site) -> Browser:
    driver.set_window_size(1280, 900)
    browser = Browser(driver, site)
    browser.sign_in()
    browser.complaints()
    return browser


def shown(turn: WebElement) -> list[str]:
    """The parts of a turn that a reader sees, without buttons that only a live page has."""
    parts = (".question", ".badges", ".answer-text", ".notes", ".sources-area")
    return [
        str(turn.find_element(By.CSS_SELECTOR, part).get_property("innerHTML")) for part in parts
    ]


def test_without_a_session_the_page_asks_for_the_admin_key(driver: WebDriver, site: Site):
    driver.delete_all_cookies()
    driver.get(site.url + "/")
    browser = Browser(driver, site)
    assert driver.current_url.startswith(f"{site.url}/login")
    browser.wait(lambda: browser.text("#version") == f"Citewell {version()}")

    browser.one("#key").send_keys("wrong", Keys.ENTER)
    browser.wait(lambda: "not the admin key" in browser.text("#error"))
    browser.one("#key").clear()
    browser.one("#key").send_keys(site.server.key, Keys.ENTER)

    browser.wait(lambda: driver.current_url.startswith(f"{site.url}/?app="))


def test_the_start_shows_the_opening_and_the_suggested_questions(page: Browser):
    page.chat("almanac")
    assert page.text(".opening") == "Ask about the moon."
    assert page.text(".app-icon") == "🌙"

    page.one(".suggestion").click()

    turn = page.finished()
    assert turn.find_element(By.CSS_SELECTOR, ".question").text == QUESTION
    assert page.all(".suggestion") == []


def test_an_answer_names_its_model_and_its_sources(page: Browser):
    page.chat("almanac")
    page.answer(QUESTION)

    message = page.latest_message("almanac")
    badge = page.one(".badges").text
    assert badge == "Answered from your documents, word for word"
    assert "at nine in the evening" in page.text(".answer-text")
    cited = {citation["n"] for citation in message["citations"]}
    assert {int(mark.text) for mark in page.all(".answer-text .mark")} == cited != set()
    listed = page.all(".sources-area > .sources .document")
    assert "almanac/moon.md" in [item.text for item in listed]
    assert page.complaints() == []


def test_a_mark_opens_its_passage_with_exactly_the_quote_highlighted(page: Browser):
    page.chat("almanac")
    page.answer(QUESTION)
    citation = page.latest_message("almanac")["citations"][0]

    page.one(f".mark[data-n='{citation['n']}']").click()

    page.wait(lambda: page.all("#passage-body mark"))
    assert (
        "".join(str(m.get_property("textContent")) for m in page.all("mark")) == citation["quote"]
    )
    assert page.text("#passage-name") == citation["document_name"]
    original = page.one("#passage-original a").get_attribute("href")
    assert original == f"{page.site.url}/v1/documents/{citation['document_id']}/original"
    page.driver.switch_to.active_element.send_keys(Keys.ESCAPE)
    page.wait(lambda: not page.one("#passage").is_displayed())


def test_a_source_in_the_list_opens_its_passage_too(page: Browser):
    page.chat("almanac")
    page.answer(QUESTION)
    message = page.latest_message("almanac")

    page.one(".sources-area > .sources .source").click()

    page.wait(lambda: page.all("#passage-body mark"))
    quotes = [citation["quote"] for citation in message["citations"]]
    assert all(mark.text in " ".join(quotes) for mark in page.all("#passage-body mark"))
    page.one("#passage [aria-label=Close]").click()


def test_a_reloaded_conversation_looks_like_the_live_one(page: Browser):
    page.chat("almanac")
    page.answer(QUESTION)
    live = shown(page.answer("Where does it set?"))
    first = shown(page.all(".turn")[0])

    page.open(page.driver.current_url.removeprefix(page.site.url))

    page.wait(lambda: len(page.all(".turn")) == 2)
    assert [shown(turn) for turn in page.all(".turn")] == [first, live]
    assert page.one(".conversation[aria-current]").text == QUESTION


def test_an_answer_streams_and_can_be_stopped(page: Browser):
    page.chat("counting")
    page.ask("Count, please.")
    page.wait(lambda: page.text(".answer-text").startswith("1 2 3"))
    assert page.one(".turn").get_attribute("data-status") == "streaming"

    page.one("#stop").click()

    turn = page.finished()
    assert turn.get_attribute("data-status") == "cancelled"
    assert "Stopped" in page.text(".notes")
    assert "40" not in page.text(".answer-text")
    assert page.one("#send").is_displayed()


def test_a_cut_stream_goes_on_where_it_was(page: Browser):
    with relay_to(page.site.url) as wire:
        page.open_at(f"{wire.url}/?app=counting")
        page.ask("Count, please.")
        for seen in ("1 2 3", "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15"):
            page.wait(lambda seen=seen: page.text(".answer-text").startswith(seen))
            wire.cut()
            page.wait(lambda: page.all(".is-cut"))

        assert page.finished().get_attribute("data-status") == "completed"
        assert page.text(".answer-text").split() == [str(n) for n in range(1, 41)]
        assert page.all(".is-cut") == []


def test_reloading_the_page_picks_up_the_answer_in_progress(page: Browser):
    page.chat("counting")
    page.ask("Count, please.")
    page.wait(lambda: page.text(".answer-text").startswith("1 2 3"))

    page.open(page.driver.current_url.removeprefix(page.site.url))

    page.wait(lambda: page.all(".turn"))
    assert page.finished().get_attribute("data-status") == "completed"
    assert page.text(".answer-text").split() == [str(n) for n in range(1, 41)]
    assert len(page.all(".turn")) == 1


def test_an_admin_chooses_the_variant(page: Browser):
    page.chat("counting")
    page.one("#route input[value=tuned]").send_keys(Keys.SPACE)

    page.answer("Count, please.")

    assert page.one(".badges").text.split("\n")[:2] == ["Fine-tuned model", "numbers:5"]
    assert page.text(".answer-text").split() == ["1", "2", "3", "4", "5"]


def test_there_is_nothing_to_choose_where_an_app_has_no_tuned_variant(page: Browser):
    page.chat("echoing")
    assert not page.one("#route").is_displayed()
    page.chat("counting")
    assert page.one("#route").is_displayed()


def test_a_failing_model_is_explained_and_can_be_tried_again(page: Browser):
    page.chat("broken")
    page.answer("Anything?")
    assert page.text(".failure")
    turns = len(page.all(".turn"))

    page.one(".retry").click()

    page.wait(lambda: len(page.all(".turn")) == turns + 1)
    page.finished()


def test_shift_enter_breaks_the_line_and_composing_enter_does_not_send(page: Browser):
    page.chat("almanac")
    box = page.one("#question")
    box.send_keys("one")
    box.send_keys(Keys.SHIFT, Keys.ENTER)
    box.send_keys("two")
    assert box.get_property("value") == "one\ntwo"

    composing = {"text": "月亮", "selectionStart": 2, "selectionEnd": 2}
    page.driver.execute_cdp_cmd("Input.imeSetComposition", composing)
    enter = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13}
    for kind in ("rawKeyDown", "keyUp"):
        page.driver.execute_cdp_cmd("Input.dispatchKeyEvent", {"type": kind, **enter})
    assert page.all(".turn") == []

    page.driver.execute_cdp_cmd("Input.insertText", {"text": "月亮"})
    for kind in ("rawKeyDown", "keyUp"):
        page.driver.execute_cdp_cmd("Input.dispatchKeyEvent", {"type": kind, **enter})
    assert page.finished().find_element(By.CSS_SELECTOR, ".question").text == "one\ntwo月亮"


def test_a_conversation_can_be_deleted(page: Browser):
    page.chat("echoing")
    page.answer("Forget me.")
    page.wait(lambda: page.all("#conversations .conversation"))

    page.driver.execute_script("window.confirm = () => true")
    page.one("#conversations [aria-label^=Delete]").send_keys(Keys.ENTER)

    page.wait(lambda: page.all(".turn") == [])
    page.wait(lambda: page.all("#conversations .conversation") == [])


def test_a_filtered_answer_and_a_statement_without_a_source_say_so_live_and_reloaded(page: Browser):
    loose = "Lighthouse keepers traditionally receive generous pensions."
    for app, query, said in (
        ("telling", "What are you told?", "may not be shown"),
        ("loose", f"The moon rises. {loose}", f"No source says this: “{loose}”"),
    ):
        page.chat(app)
        page.answer(query)
        live = shown(page.finished())
        assert said in page.text(".notes")
        assert "third stone" not in page.text(".answer-text")
        page.driver.refresh()
        assert shown(page.finished()) == live
