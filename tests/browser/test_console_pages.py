"""What a person does on the pages of the console, and that the server has it afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest
from selenium.webdriver.chrome.webdriver import WebDriver

from tests.browser.person import Person
from tests.browser.site import Browser, Site

pytestmark = pytest.mark.needs("chromium", "chromedriver")


@pytest.fixture
def page(driver: WebDriver, site: Site) -> Browser:
    driver.set_window_size(1280, 900)
    browser = Browser(driver, site)
    browser.sign_in()
    browser.complaints()
    return browser


def test_an_answer_is_judged_with_a_reason_and_a_better_one(page: Browser):
    page.chat("almanac")
    page.answer("When does the moon rise over Ostrava?")
    person = Person(page)
    person.click("Bad answer")
    person.fill("Reason (optional)", "Too short")
    person.fill("A better answer (optional)", "At nine in the evening, in the east.")
    page.one("dialog .primary").click()
    assert person.sees("Thank you.")

    said = page.latest_message("almanac")["feedback"]
    assert (said["rating"], said["text"]) == ("dislike", "Too short")
    assert said["better_answer"].startswith("At nine")
    page.open(page.driver.current_url.removeprefix(page.site.url))
    pressed = page.wait(lambda: page.all(".tools [aria-pressed=true]"))
    assert pressed[0].get_attribute("data-rating") == "dislike"


def test_a_draft_is_edited_tried_published_and_an_earlier_version_restored(page: Browser):
    http = page.site.server.http
    made = http.post("/v1/apps", json={"slug": "harbour", "name": "Harbour"})
    assert made.status_code == 201
    page.open("/console/apps/harbour")
    person = Person(page)
    person.fill("Instructions", "First. {{inputs.nobody}}")
    assert person.sees("is not known and not filled in")
    person.click("Knowledge")
    person.click("Nature")
    person.click("Publish")
    assert person.sees("Version 1 answers now.")
    person.click("Instructions")
    person.fill("Instructions", "Second. {{context}}")
    person.fill("Question to try", "When does the moon rise over Ostrava?")
    person.click("Ask")
    assert person.sees("at nine in the evening")
    assert http.get("/v1/apps/harbour").json()["version"] == 1
    person.click("Publish")
    assert person.sees("Version 2 answers now.")
    person.click("Versions")
    person.click("Answer with this one")
    assert person.sees("Version 1 answers now.")
    assert http.get("/v1/apps/harbour").json()["version"] == 1
    assert page.complaints() == []
    page.open("/console/apps")
    page.wait(lambda: not http.get("/v1/conversations?app=harbour").json()["data"])
    http.delete("/v1/apps/harbour").raise_for_status()


def test_rows_go_into_a_training_set_and_are_corrected(page: Browser, tmp_path: Path):
    http = page.site.server.http
    rows = "question,answer\nWhat is red?,A rose.\nWhat is blue?,The see.\n"
    (tmp_path / "rows.csv").write_text(rows)
    page.open("/console/tuning")
    person = Person(page)
    person.click("New training set")
    person.fill("Name", "colours")
    person.click("Create")
    page.wait(lambda: page.all("input[type=file]"))[0].send_keys(str(tmp_path / "rows.csv"))
    page.wait(lambda: len(page.all("tbody tr")) == 2)
    answer = page.all("textarea[aria-label=Answer]")[1]
    answer.clear()
    answer.send_keys("The sea.")
    person.click("Save as a new version")

    page.wait(lambda: "Version 2" in page.text("#page"))
    found = http.get("/v1/tuning/sets/colours/versions/2/rows").json()["data"]
    assert [row["row"]["messages"][-1]["content"] for row in found] == ["A rose.", "The sea."]
    assert page.complaints() == []


def test_a_refused_question_gets_its_answer_from_the_review(page: Browser):
    http = page.site.server.http
    question = "Who feeds the wolves of Trinec at midnight?"
    refused = http.post("/v1/apps/almanac/chat", json={"query": question, "stream": False}).json()
    assert refused["finish_reason"] == "refused"
    page.open("/console/review")
    panel = page.wait(lambda: page.all(f"[aria-label='{question}']"))[0]
    panel.find_element("css selector", "textarea").send_keys("The keeper Jana does.")
    panel.find_element("css selector", ".primary").click()
    page.wait(lambda: not page.all(f"[aria-label='{question}']"))

    again = http.post("/v1/apps/almanac/chat", json={"query": question, "stream": False}).json()
    assert again["answer"] == "The keeper Jana does."
    assert page.complaints() == []
