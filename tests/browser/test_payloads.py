"""Five hundred hostile texts as answers, at every prefix that a stream could show: they become only
what an answer may be made of, and one twice as long never costs four times as much."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from selenium.webdriver.chrome.webdriver import WebDriver

from tests.browser.payloads import PAYLOADS, pieces
from tests.browser.site import Browser, Site
from tests.browser.steps import COUNT_CHARACTERS

pytestmark = pytest.mark.needs("chromium", "chromedriver")

LENGTH = 1_000

STREAM = """
const { AnswerText } = await import("/static/answer/answer-text.js");
const tags = new Set(("div p h3 h4 ul ol li blockquote hr pre code strong em a span br table thead "
  + "tbody tr th td").split(" "));
const names = new Set(("class href target rel referrerpolicy tabindex start").split(" "));
const isLink = (value) => value.startsWith("http://") || value.startsWith("https://");
const isPlain = ({ name, value }) => names.has(name) && (name !== "href" || isLink(value));
const isFine = (node) => tags.has(node.localName) && [...node.attributes].every(isPlain);
const root = document.createElement("div");
document.body.append(root);
const found = new Set();
for (const payload of args[0]) {
  const live = root.appendChild(document.createElement("div"));
  const text = new AnswerText(live, () => {});
  for (let end = 1; end <= payload.length; end += 1) {
    text.render(payload.slice(0, end), [], false);
    if (![...live.querySelectorAll("*")].every(isFine)) found.add(`${end} of ${payload}`);
  }
  text.render(payload, []);
  const fresh = document.createElement("div");
  new AnswerText(fresh, () => {}).render(payload, []);
  if (fresh.innerHTML !== live.innerHTML) found.add(`grown: ${payload}`);
}
return [...found];
"""

WORK = """
const { AnswerText } = await import("/static/answer/answer-text.js");
const create = document.createElement;
document.createElement = function (tag) {
  window.characters.seen += 1;
  return create.call(document, tag);
};
const work = (text) => {
  window.characters.seen = 0;
  new AnswerText(create.call(document, "div"), () => {}).render(text, []);
  return window.characters.seen;
};
const [payloads, length] = args;
return payloads.map((payload) => {
  const again = payload.repeat(Math.ceil(2 * length / payload.length));
  return [work(again.slice(0, length)), work(again.slice(0, 2 * length))];
});
"""


@pytest.fixture
def page(driver: WebDriver, site: Site) -> Iterator[Browser]:
    driver.set_window_size(1280, 900)
    browser = Browser(driver, site)
    browser.sign_in()
    browser.hosts_asked(), browser.complaints()
    yield browser
    driver.get("about:blank")  # what was counted on this page is counted no more


def assert_quiet(page: Browser) -> None:
    assert page.driver.execute_script("return window.pwned") is None
    assert page.hosts_asked() <= {urlsplit(page.site.url).netloc}
    assert page.complaints() == []


def test_every_prefix_of_a_hostile_answer_is_harmless(page: Browser):
    assert len(set(PAYLOADS)) == 500

    for at in range(0, len(PAYLOADS), 50):
        assert page.script(STREAM, PAYLOADS[at : at + 50]) == []

    assert_quiet(page)


def test_a_hostile_answer_twice_as_long_costs_no_four_times_the_work(page: Browser):
    page.driver.execute_script(COUNT_CHARACTERS)

    counted = page.script(WORK, PAYLOADS, LENGTH)

    assert min(once for once, _ in counted) > LENGTH / 2, "the work was not counted"
    worst = max(twice / once for once, twice in counted)
    assert worst < 3, f"{worst} times the work for twice the text"


def test_stored_answers_and_questions_of_all_of_them_block_no_page(page: Browser):
    http = page.site.server.http
    body = {"stream": False}
    for piece in pieces(5_000):
        answer = http.post("/v1/apps/echoing/chat", json={**body, "query": piece}).json()
        body = {"stream": False, "conversation_id": answer["conversation_id"]}
        assert answer["answer"]

    for path in ("/?app=echoing&c=", "/console/conversations/"):
        page.open(path + body["conversation_id"])
        page.wait(lambda: len(page.all(".turn")) == len(pieces(5_000)))
        assert_quiet(page)
    page.driver.switch_to.active_element.send_keys("still here")
