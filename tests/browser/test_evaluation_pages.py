"""Whether answers are good, found out on pages: a set is written and asked, runs are compared."""

from __future__ import annotations

from pathlib import Path

import pytest
from selenium.webdriver.chrome.webdriver import WebDriver

from tests.browser.person import Person
from tests.browser.site import Browser, Site

pytestmark = pytest.mark.needs("chromium", "chromedriver")

MOON = "When does the moon rise over Ostrava?"


@pytest.fixture
def page(driver: WebDriver, site: Site) -> Browser:
    driver.set_window_size(1280, 900)
    browser = Browser(driver, site)
    browser.sign_in()
    browser.complaints()
    return browser


def test_a_set_is_written_and_asked_and_two_runs_are_compared(page: Browser, tmp_path: Path):
    http = page.site.server.http
    page.open("/console/evaluation")
    person = Person(page)
    person.click("New question set")
    person.fill("Name", "sky")
    person.click("Create")
    person.click("Write one")
    person.fill("Question", MOON)
    person.fill("Right answers, one a line (optional)", "at nine in the evening")
    person.click("Save")
    assert person.sees("1 question")
    (tmp_path / "more.csv").write_text("question,answerable\nWho sells violins in Trinec?,false\n")
    person.give("From a file", tmp_path / "more.csv")
    assert person.sees("1 question added")
    person.click("Ask this set")
    person.choose("Who is asked", "Knowledge base “Nature”: the search")
    person.click("Ask")
    assert person.sees("1 of 1 went well")

    page.open("/console/evaluation")
    person.click("sky")
    person.click("Ask this set")
    person.choose("Who is asked", "App “Almanac”: version 1, which answers now")
    person.click("Ask")
    assert person.sees("2 of 2 went well")
    assert person.sees("1 answered from the documents, 0 weakly, 1 rightly refused")
    options = page.all("option")
    beside = next(one.text for one in options if one.text.startswith("Nature · sky"))
    person.choose("With the run", beside)
    assert person.sees("0 won, 0 lost; 1 went well in both")
    page.all("details summary")[0].click()
    assert person.sees("Expected at nine in the evening")
    assert page.complaints() == []
    http.delete("/v1/evaluation/sets/sky").raise_for_status()


def test_the_editor_shows_what_thresholds_make_of_questions(page: Browser):
    http, sets = page.site.server.http, "/v1/evaluation/sets"
    http.post(sets, json={"name": "stars"}).raise_for_status()
    for question in ({"question": MOON}, {"question": "Who sells violins?", "answerable": False}):
        http.post(f"{sets}/stars/questions", json=question).raise_for_status()
    page.open("/console/apps/almanac?tab=knowledge")
    person = Person(page)
    page.wait(lambda: "What the scores make of questions" in page.text("#page"))
    tried = page.driver.find_element("xpath", "//button[contains(., 'Try the thresholds')]")
    page.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", tried)
    person.choose("Questions to try", "stars")
    person.click("Try the thresholds")
    assert person.sees("The documents do not answer")
    assert person.sees("refused below 0.15")
    rows = page.all("table[aria-label='With these thresholds'] tbody tr")
    assert [row.text.split()[-3:] for row in rows] == [["1", "0", "0"], ["0", "0", "1"]]
    assert page.complaints() == []
    http.delete(f"{sets}/stars").raise_for_status()


def test_two_indexes_are_compared_by_questions(page: Browser):
    http = page.site.server.http
    dataset = http.post("/v1/datasets", json={"name": "Skies"}).json()["id"]
    files = [("files", ("moon.md", b"The moon rises over Ostrava at nine in the evening."))]
    http.post(f"/v1/datasets/{dataset}/documents", files=files).raise_for_status()
    listed = f"/v1/datasets/{dataset}/documents"
    page.wait(lambda: http.get(listed).json()["data"][0]["status"] == "ready")
    split = {"processing": {"split": {"max_tokens": 64}}}
    http.post(f"/v1/datasets/{dataset}/reindex", json=split).raise_for_status()
    second = f"/v1/datasets/{dataset}/generations/2"
    page.wait(lambda: http.get(second).json()["status"] == "ready")
    made = {"name": "skies", "dataset_id": dataset}
    http.post("/v1/evaluation/sets", json=made).raise_for_status()
    question = {"question": MOON, "relevant": [{"document": "moon.md"}]}
    http.post("/v1/evaluation/sets/skies/questions", json=question).raise_for_status()

    page.open(f"/console/knowledge/{dataset}?tab=settings")
    person = Person(page)
    page.wait(lambda: page.all("table[aria-label=Indexes] tbody tr"))
    button = page.driver.find_element("xpath", "//button[contains(., 'Compare by questions')]")
    page.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", button)
    person.click("Compare by questions")
    person.click("Ask both")
    assert person.sees("0 won, 0 lost; 1 went well in both")
    assert person.sees("This can be chance")
    assert page.complaints() == []
    http.delete("/v1/evaluation/sets/skies").raise_for_status()
    http.delete(f"/v1/datasets/{dataset}").raise_for_status()
