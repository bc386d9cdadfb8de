"""Mathematics in answers: shown as such, never in the way, and asked of nobody else."""

from __future__ import annotations

import pytest
from selenium.webdriver.chrome.webdriver import WebDriver

from tests.browser.site import Browser, Site

pytestmark = pytest.mark.needs("chromium", "chromedriver")

RENDER = """
const { AnswerText } = await import("/static/answer/answer-text.js");
const root = document.createElement("div");
root.id = "formulas";
document.getElementById("formulas")?.remove();
document.body.append(root);
const text = new AnswerText(root, () => {});
for (let end = 1; end <= args[0].length; end += 1) text.render(args[0].slice(0, end), [], false);
text.render(args[0], []);
const fresh = document.createElement("div");
new AnswerText(fresh, () => {}).render(args[0], []);
return { html: fresh.innerHTML, same: root.textContent === fresh.textContent };
"""


@pytest.fixture
def page(driver: WebDriver, site: Site) -> Browser:
    browser = Browser(driver, site)
    browser.sign_in()
    browser.complaints()
    return browser


def formulas(page: Browser, text: str) -> int:
    """How many formulas a text is found to hold."""
    shown = page.script(RENDER, text)
    return str(shown["html"]).count('class="formula')


def loaded(page: Browser) -> list[str]:
    """The addresses that a page has loaded something from."""
    names = page.script("return performance.getEntriesByType('resource').map((one) => one.name)")
    return list(names)


@pytest.mark.parametrize(
    "text",
    [
        "Let $x^2$ be.",
        "Let \\\\(x^2\\\\) be.",
        "$$x^2$$",
        "\\\\[x^2\\\\]",
        "So:\n$$\nx^2\n$$\nThe end.",
        "\\\\[ x\n+ 1 \\\\]",
        "面积是$x^2$。",
    ],
)
def test_each_way_of_writing_a_formula_is_shown_as_mathematics(page: Browser, text: str):
    text = text.replace("\\\\", "\\")
    assert formulas(page, text) >= 1
    page.wait(lambda: page.all("#formulas math"))
    namespace = "return document.querySelector('#formulas math').namespaceURI"
    assert page.driver.execute_script(namespace) == "http://www.w3.org/1998/Math/MathML"
    assert page.complaints() == []


@pytest.mark.parametrize(
    "text",
    [
        "It costs $5 or $10.",
        "US$5 and A$ 6",
        "between $5-$10",
        "$HOME and $PATH",
        "`$x$`",
        "a \\$x\\$ b",
        "$ x $",
        "价格$5，约合$8",
        "```\n$$\nx\n$$\n```",
    ],
)
def test_what_costs_money_or_is_code_is_no_formula(page: Browser, text: str):
    assert formulas(page, text) == 0


def test_an_answer_with_formulas_is_asked_for_once_and_looks_the_same_again(page: Browser):
    page.chat("echoing")
    page.answer(r"Solve $\frac{a}{b} = 2$, so $\frac{a}{b} = 2$ and $x^{$ $\href{javascript:1}{y}$")
    page.wait(lambda: len(page.all("#turns math")) == 3)

    assert page.all("#turns mfrac")
    assert page.all("#turns [href^=javascript]") == []
    assert "$x^{$" in page.text("#turns .answer-text")
    assert sum(name.endswith("/v1/formulas") for name in loaded(page)) in (1, 2)
    page.driver.refresh()
    page.wait(lambda: len(page.all("#turns math")) == 3)
    assert page.complaints() == []


def test_a_page_without_a_formula_loads_nothing_for_them(page: Browser):
    page.chat("echoing")
    page.answer("Nothing to count, for $5.")

    assert not [name for name in loaded(page) if "typesetting" in name or "formulas" in name]
