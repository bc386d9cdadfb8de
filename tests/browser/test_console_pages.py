"""What a person does on the pages of the console, and that the server has it afterwards."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import get_args

import pytest
from selenium.webdriver.chrome.webdriver import WebDriver

from kb.types import DislikeReason
from tests.arch.test_web import WEB
from tests.browser.person import Person
from tests.browser.site import Browser, Site, publish

pytestmark = pytest.mark.needs("chromium", "chromedriver")


@pytest.fixture
def page(driver: WebDriver, site: Site) -> Browser:
    driver.set_window_size(1280, 900)
    browser = Browser(driver, site)
    browser.sign_in()
    browser.complaints()
    return browser


def test_an_answer_is_judged_with_a_reason_and_a_better_one_that_the_console_shows(page: Browser):
    page.chat("almanac")
    page.answer("When does the moon rise over Ostrava?")
    person = Person(page)
    person.click("Bad answer")
    person.choose("Reason (optional)", "Something is missing")
    person.fill("In your words (optional)", "Too short")
    person.fill("A better answer (optional)", "At nine in the evening, in the east.")
    page.one("dialog .primary").click()
    assert person.sees("Thank you.")

    message = page.latest_message("almanac")
    said = message["feedback"]
    told = (said["rating"], said["reason"], said["text"])
    assert told == ("dislike", "incomplete", "Too short")
    assert said["better_answer"].startswith("At nine")
    page.open(page.driver.current_url.removeprefix(page.site.url))
    pressed = page.wait(lambda: page.all(".tools [aria-pressed=true]"))
    assert pressed[0].get_attribute("data-rating") == "dislike"
    page.open(f"/console/conversations/{message['conversation_id']}")
    assert person.sees("Operator · 👎 · Something is missing · Too short")
    page.open("/console/review")
    assert person.sees("disliked")
    assert person.sees("Something is missing")
    better = page.all(f"[aria-label='{message['query']}'] textarea")[0]
    assert str(better.get_property("value")).startswith("At nine")


def test_the_page_offers_each_reason_that_the_server_takes():
    offered = re.findall(r"^  (\w+): t", (WEB / "shared" / "reasons.js").read_text(), re.MULTILINE)
    assert offered == [*get_args(DislikeReason)]


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


def test_what_has_a_default_may_be_left_as_it_is(page: Browser):
    http = page.site.server.http
    tone = {"name": "tone", "label": "Tone", "required": True, "default": "calm"}
    size = {"name": "size", "label": "Size", "required": True, "type": "select"}
    inputs = [tone, size | {"options": ["short", "long"], "default": "long"}]
    prompt = "Say {{inputs.tone}} and {{inputs.size}}."
    base = {"model": "echo", "retrieval": None}
    publish(http, "asking", {"prompt": prompt, "inputs": inputs, "base": base})
    page.chat("asking")
    page.answer("How?")
    assert page.latest_message("asking")["inputs"] == {"tone": "calm", "size": "long"}

    page.open("/console/apps/asking")
    shown = page.wait(lambda: page.all(".try-it .inputs input, .try-it .inputs select"))
    assert [each.get_property("value") for each in shown] == ["calm", "long"]
    http.delete("/v1/apps/asking").raise_for_status()


def test_yes_or_no_is_what_the_form_shows_or_else_the_default(page: Browser):
    http = page.site.server.http
    plain = {"name": "plain", "label": "Plainly", "type": "boolean", "default": "true"}
    sure = {"name": "sure", "label": "Surely", "type": "boolean", "required": True}
    base = {"model": "echo", "retrieval": None}
    prompt = "Say {{inputs.plain}} and {{inputs.sure}}."
    publish(http, "asking", {"prompt": prompt, "inputs": [plain, sure], "base": base})
    person = Person(page)
    page.chat("asking")
    assert page.one(".inputs select").get_property("value") == ""
    page.answer("How?")
    assert page.latest_message("asking")["inputs"] == {"plain": "true", "sure": "false"}
    page.chat("asking")
    person.choose("Plainly", "No")
    person.click("Surely")
    page.answer("How?")
    assert page.latest_message("asking")["inputs"] == {"plain": "false", "sure": "true"}

    page.open("/console/apps/asking")
    boxes = page.wait(lambda: page.all(".try-it .inputs [type=checkbox]"))
    assert [box.is_selected() for box in boxes] == [True, False]
    http.delete("/v1/apps/asking").raise_for_status()


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


def test_a_link_is_shown_again(page: Browser):
    http = page.site.server.http
    page.open("/console/apps/almanac?tab=share")
    for _ in range(12):  # the newest of many links is on top
        http.post("/v1/apps/almanac/keys", json={"kind": "widget", "origins": [page.site.url]})
    person = Person(page)
    person.click("Create a share link")
    link = page.wait(lambda: page.all(".shown-once input"))[0].get_property("value")
    page.driver.refresh()

    person.click("Show Share link")
    again = page.wait(lambda: page.all("dialog .shown-once input"))[0].get_property("value")

    assert again == link
    page.one("dialog .end .button").click()
    page.driver.get("about:blank")
    page.open_at(link)
    assert page.one("#main > header strong").text == "Almanac"
    for key in http.get("/v1/apps/almanac/keys").json()["data"]:
        http.delete(f"/v1/keys/{key['id']}")


SAVED = """
window.saved = [];
URL.createObjectURL = (blob) => { window.saved.push(blob); return "blob:none"; };
HTMLAnchorElement.prototype.click = () => {};
"""


def test_conversations_are_found_by_what_became_of_them_and_exported(page: Browser):
    http = page.site.server.http
    moon, wolves = "When does the moon rise over Ostrava?", "=Who feeds the wolves of Lysa hora?"
    for query, user in ((moon, "ann"), (wolves, "bob")):
        asked = {"query": query, "user": user, "stream": False}
        made = http.post("/v1/apps/almanac/chat", json=asked).json()
        if user == "ann":
            said = {"rating": "like", "text": "Just so."}
            http.post(f"/v1/messages/{made['message_id']}/feedback", json=said).raise_for_status()
    page.open("/console/conversations")
    person = Person(page)

    def listed() -> list[str]:
        return [row.text for row in page.all("tbody tr td:first-child")]

    page.wait(lambda: listed() == [wolves, moon])
    person.choose("What became of it", "Judged good")
    page.wait(lambda: listed() == [moon])
    person.choose("What became of it", "Refused")
    page.wait(lambda: listed() == [wolves])
    person.choose("What became of it", "All answers")
    person.fill("User", "ann")
    page.wait(lambda: listed() == [moon])
    page.one("input[aria-label=User]").send_keys("\b\b\b")
    page.wait(lambda: len(listed()) == 2)

    page.driver.execute_script(SAVED)
    for kind in ("CSV", "JSON"):
        person.click("Export")
        person.click(kind)
        page.wait(lambda: not page.all("dialog"))
    table, rows = page.script("return Promise.all(window.saved.map((blob) => blob.text()))")
    assert f'"\'{wolves}"' in table
    assert '"like","Just so."' in table
    found = json.loads(rows)
    assert [row["question"] for row in found] == [wolves, moon]
    assert found[0]["outcome"] == "refused"


def test_a_budget_is_set_shown_and_ended(page: Browser):
    page.open("/console/usage")
    person = Person(page)
    page.driver.execute_script("arguments[0].scrollIntoView()", page.one("#page .panel:last-child"))
    person.click("Set a budget")
    person.choose("Whose", "Almanac")
    person.fill("Amount", "5000")
    person.click("Save")

    assert person.sees("/ 5,000 tokens a month")
    budgets = page.site.server.http.get("/v1/budgets").json()["data"]
    assert [(one["of"], one["amount"], one["period"]) for one in budgets] == [
        ("app", 5000, "month")
    ]
    person.click("End the budget of Almanac")
    assert person.sees("No budget is set")
    assert page.complaints() == []


def test_rows_beyond_the_first_hundred_are_changed_too(page: Browser, tmp_path: Path):
    http = page.site.server.http
    http.post("/v1/tuning/sets", json={"name": "many"}).raise_for_status()
    rows = "question,answer\n" + "".join(
        f"What is number {n} of the list?,It is the number {n * n}.\n" for n in range(250)
    )
    uploaded = {"file": ("rows.csv", rows.encode())}
    http.post("/v1/tuning/sets/many/versions", files=uploaded).raise_for_status()
    page.open("/console/tuning/sets/many")
    person = Person(page)
    person.click("Rows behind")
    person.click("Rows behind")
    page.wait(lambda: len(page.all("tbody tr")) == 50)
    last = page.all("textarea[aria-label=Answer]")[-1]
    last.clear()
    last.send_keys("Changed.")
    page.driver.execute_script("document.querySelector('#page').scrollTo(0, 0)")
    person.click("Rows before")
    page.all("[aria-label='Leave this row out']")[0].click()
    person.click("Save as a new version")

    page.wait(lambda: "Version 2" in page.text("#page"))
    version = http.get("/v1/tuning/sets/many/versions", params={"limit": 1}).json()["data"][0]
    assert version["rows"] == 249
    path = "/v1/tuning/sets/many/versions/2/rows"
    first = http.get(path, params={"limit": 100}).json()
    assert "Changed." not in json.dumps(first)
    behind = http.get(path, params={"limit": 100, "cursor": first["next"]}).json()
    end = http.get(path, params={"limit": 100, "cursor": behind["next"]}).json()
    assert "Changed." in json.dumps(end["data"][-1])
