"""A source opens as its document looks, with exactly the cited characters marked."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from selenium.webdriver.chrome.webdriver import WebDriver

from tests.browser.site import Browser, Site, publish
from tests.server import wait_for_batch

pytestmark = pytest.mark.needs("chromium", "chromedriver")

FEES = """# Fees 🌙

A **small** boat pays the *least*. See `fees.py`.

- Moor by nine.
  - Not at night.

| Boat | Fee |
|------|----:|
| Dinghy | 30 |
| Yacht <img src=x onerror="window.pwned=1"> | 75 |

```
moor(boat)
```
"""
PAY = "Role,Pay a month\nDriver,3000\nClerk,2800\n"


@pytest.fixture
def page(driver: WebDriver, site: Site) -> Iterator[Browser]:
    driver.set_window_size(1280, 900)
    http = site.server.http
    made = http.post("/v1/datasets", json={"name": "Harbour"}).json()["id"]
    parts = [("files", ("fees.md", FEES.encode())), ("files", ("pay.csv", PAY.encode()))]
    answer = http.post(f"/v1/datasets/{made}/documents", files=parts)
    assert wait_for_batch(http, answer.json()["batch_id"])["ready"] == 2
    publish(http, "harbour", {"dataset_ids": [made]})
    browser = Browser(driver, site)
    browser.sign_in()
    browser.complaints()
    yield browser
    for gone in ("apps/harbour", f"datasets/{made}"):
        http.delete(f"/v1/{gone}").raise_for_status()


def open_source(page: Browser, query: str, document: str) -> None:
    page.chat("harbour")
    page.answer(query)
    for row in page.all(".source"):
        if document in row.get_property("textContent"):
            page.driver.execute_script("arguments[0].click()", row)
            break
    page.wait(lambda: page.all("#passage-body .cited"))


def test_markdown_is_shown_as_its_author_meant_it(page: Browser):
    open_source(page, "What fee does a yacht pay?", "fees.md")

    assert page.text("#passage-body h3") == "Fees 🌙"
    assert page.text("#passage-body strong") == "small"
    assert page.text("#passage-body li li") == "Not at night."
    heads = [cell.text for cell in page.all("#passage-body th")]
    assert heads == ["Boat", "Fee"]
    rows = [
        [cell.text for cell in row.find_elements("css selector", "td")]
        for row in page.all("#passage-body tbody tr")
    ]
    assert rows == [["Dinghy", "30"], ['Yacht <img src=x onerror="window.pwned=1">', "75"]]
    assert page.text("#passage-body pre") == "moor(boat)"
    assert page.driver.execute_script("return window.pwned") is None
    assert page.complaints() == []


def test_rows_of_a_sheet_are_a_table(page: Browser):
    open_source(page, "What is the pay a month of a driver?", "pay.csv")

    assert [cell.text for cell in page.all("#passage-body th")] == ["Role", "Pay a month"]
    assert [cell.text for cell in page.all("#passage-body td")] == [
        *("Driver", "3000"),
        *("Clerk", "2800"),
    ]
    marked = {mark.text for mark in page.all("#passage-body td mark")}
    assert marked >= {"Driver", "3000"}


DRAW = """
const { passageNodes } = await import("/static/answer/passage-text.js");
const root = document.createElement("div");
root.append(...passageNodes(...args));
return root.innerHTML;
"""


def drawn(page: Browser, text: str, *quotes: str, blocks: list[dict[str, object]]) -> str:
    passage = {"before": "", "text": text, "after": "", "media_type": "text/markdown"}
    ranges = [[text.index(quote), text.index(quote) + len(quote)] for quote in quotes]
    return str(page.script(DRAW, {**passage, "blocks": blocks}, ranges))


def test_a_quote_over_a_list_is_marked_in_each_of_its_lines(page: Browser):
    text = "- a **b** c\n- d"
    part = {"start": 0, "end": len(text), "kind": "list", "level": 0}

    assert drawn(page, text, "**b** c\n- d", blocks=[part]) == (
        '<div class="answer-text cited"><ul><li>a <mark><strong>b</strong> c</mark></li>'
        "<li><mark>d</mark></li></ul></div>"
    )


def test_a_table_that_begins_in_the_middle_is_a_table_without_a_head(page: Browser):
    text = "| a | b |\n| c | d |"
    part = {"start": 0, "end": len(text), "kind": "table", "level": 0}

    assert drawn(page, text, "b", blocks=[part]) == (
        '<div class="answer-text cited"><div class="table" tabindex="0"><table><tbody>'
        "<tr><td>a</td><td><mark>b</mark></td></tr><tr><td>c</td><td>d</td></tr>"
        "</tbody></table></div></div>"
    )


def test_where_no_parts_are_known_the_text_stays_as_it_is(page: Browser):
    assert drawn(page, "# a\n*b*", "*b", blocks=[]) == (
        '<div class="passage-text"><span class="cited"># a\n<mark>*b</mark>*</span></div>'
    )
