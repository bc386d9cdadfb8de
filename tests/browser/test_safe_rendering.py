"""What comes from documents and models stays text: it runs nothing and loads nothing."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from selenium.webdriver.chrome.webdriver import WebDriver

from tests.browser.site import Browser, Site

pytestmark = pytest.mark.needs("chromium", "chromedriver")

RENDER = """
const { AnswerText } = await import("/static/answer/answer-text.js");
const root = document.createElement("div");
document.body.append(root);
const text = new AnswerText(root, () => {});
for (let end = 1; end <= args[0].length; end += 1) text.render(args[0].slice(0, end), [], false);
text.render(args[0], args[1]);
const grown = root.innerHTML;
const fresh = document.createElement("div");
new AnswerText(fresh, () => {}).render(args[0], args[1]);
root.remove();
return { html: fresh.innerHTML, text: fresh.textContent, same: grown === fresh.innerHTML };
"""


@pytest.fixture
def page(driver: WebDriver, site: Site) -> Browser:
    browser = Browser(driver, site)
    browser.sign_in()
    browser.hosts_asked()
    browser.complaints()
    return browser


def rendered(page: Browser, markdown: str, citations: list[dict[str, object]] | None = None) -> str:
    result = page.script(RENDER, markdown, citations or [])
    assert result["same"], "an answer that grew must look like one that came at once"
    return str(result["html"])


def own_host(page: Browser) -> set[str]:
    return {urlsplit(page.site.url).netloc}


def test_markup_of_a_document_is_shown_and_not_obeyed(page: Browser):
    page.chat("almanac")
    page.answer("What do zebras graze beside?")
    assert '<img src=x onerror="window.pwned=1">' in page.text(".answer-text")

    page.one(".answer-text .mark").click()
    page.wait(lambda: page.all("#passage-body mark"))

    assert "<script>window.pwned=2</script>" in page.text("#passage-body")
    assert page.driver.execute_script("return window.pwned") is None
    assert page.all("#turns img, #turns script, #passage-body img, #passage-body script") == []
    assert page.hosts_asked() == own_host(page)
    assert page.complaints() == []


@pytest.mark.parametrize(
    "payload",
    [
        "<img src=x onerror=window.pwned=1>",
        "<svg onload=window.pwned=1>",
        "![x](http://off-origin.invalid/a.png)",
        "![x][1]\n\n[1]: http://off-origin.invalid/a.png",
        "[press](javascript:window.pwned=1)",
        "[press](data:text/html,<script>window.pwned=1</script>)",
        "<iframe src=http://off-origin.invalid></iframe>",
        '<style>@import "http://off-origin.invalid/a.css"</style>',
        "`<img src=x onerror=window.pwned=1>`",
        "```html\n<script>window.pwned=1</script>\n```",
        "**<script>window.pwned=1</script>**",
        "| a |\n|---|\n| <img src=x onerror=window.pwned=1> ![x](http://off-origin.invalid/a) |",
        "[a](http://off-origin.invalid/ \"onmouseover='window.pwned=1'\")",
    ],
)
def test_a_hostile_answer_runs_nothing_and_asks_nobody(page: Browser, payload: str):
    rendered(page, payload)

    page.chat("echoing")
    page.answer(payload.replace("\n", " "))

    assert page.all("#turns img, #turns script, #turns iframe, #turns svg[onload]") == []
    for link in page.all("#turns .answer a"):
        assert link.get_attribute("rel") == "noopener noreferrer"
        assert str(link.get_attribute("href")).startswith("http")
    assert page.driver.execute_script("return window.pwned") is None
    assert page.hosts_asked() == own_host(page)
    assert page.complaints() == []


def test_a_link_shows_the_host_that_it_leads_to(page: Browser):
    assert "docs</a>" in (html := rendered(page, "Read the [docs](https://evil.example/a)."))
    assert "(evil.example)" in html
    assert "(b.example)" in rendered(page, "https://a.example@b.example/x")
    assert "(" not in rendered(page, "https://a.example/x").replace("(a.example)", "?")


def test_an_address_ends_where_chinese_text_begins(page: Browser):
    html = rendered(page, "详见https://a.example/b。第三章规定退款期限为七天。")

    assert 'href="https://a.example/b"' in html
    assert "第三章规定退款期限为七天。" in html


def test_minimal_markdown_becomes_elements(page: Browser):
    markdown = (
        "# Title\n\nOne **bold** and `code` and *soft*.\n\n- a\n  - b\n- c\n\n3. x\n4. y\n\n"
        "```\n<b>\n```\n> said"
    )
    assert rendered(page, markdown) == (
        "<h3>Title</h3>"
        "<p>One <strong>bold</strong> and <code>code</code> and <em>soft</em>.</p>"
        "<ul><li>a<ul><li>b</li></ul></li><li>c</li></ul>"
        '<ol start="3"><li>x</li><li>y</li></ol>'
        '<pre tabindex="0"><code>&lt;b&gt;</code></pre>'
        "<blockquote>said</blockquote>"
    )


def test_a_table_has_its_cells_its_alignments_and_its_marks(page: Browser):
    answer = "Tides:\n| Where | When |\n|:-:|--:|\n| **Ostrava** | 9 [1] |\n| a \\| b |\nThe end."
    at = answer.index("[1]")
    mark = {"n": 1, "answer_start": at, "answer_end": at + 3, "document_name": "m", "page": 1}

    html = rendered(page, answer, [mark])

    button = html[html.index("<button") : html.index("</button>") + len("</button>")]
    assert html.replace(button, "MARK") == (
        '<p>Tides:</p><div class="table" tabindex="0"><table>'
        '<thead><tr><th class="center">Where</th><th class="right">When</th></tr></thead><tbody>'
        '<tr><td class="center"><strong>Ostrava</strong></td><td class="right">9 MARK</td></tr>'
        '<tr><td class="center">a | b</td></tr></tbody></table></div><p>The end.</p>'
    )


@pytest.mark.parametrize(
    "plain",
    [
        "| a | b |",
        "a | b",
        "|",
        "snake_case_name",
        "2 * 3 * 4",
        "a ** b",
        "**open",
        "`open",
        "[1]",
        "#hash",
        "1.5 m",
    ],
)
def test_what_is_not_markdown_stays_as_it_was(page: Browser, plain: str):
    assert rendered(page, plain) == f"<p>{plain}</p>"


def test_marks_stand_where_the_server_counts_characters(page: Browser):
    answer = "🌙🌙 The **moon [1, 2]** rises. 月亮【1】"

    def mark(n: int, text: str, start: int) -> dict[str, object]:
        at = answer.index(text, start)
        return {
            "n": n,
            "answer_start": at,
            "answer_end": at + len(text),
            "document_name": "moon.md",
            "page": 1,
        }

    citations = [mark(1, "[1, 2]", 0), mark(2, "[1, 2]", 0), mark(1, "【1】", 0)]
    html = rendered(page, answer, citations)

    assert html.count('class="mark"') == 3
    assert html.startswith("<p>🌙🌙 The <strong>moon <button")
    assert "[1" not in html
    assert "【" not in html
