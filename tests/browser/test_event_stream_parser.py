"""The page's own parser of event streams, held against the standard's rules."""

from __future__ import annotations

import pytest
from selenium.webdriver.chrome.webdriver import WebDriver

from tests.browser.site import Browser, Site

pytestmark = pytest.mark.needs("chromium", "chromedriver")

PARSE = """
const { SseParser } = await import("/static/shared/sse.js");
const bytes = Uint8Array.from(args[0]);
const feed = (cuts) => {
  const parser = new SseParser();
  const events = [];
  let from = 0;
  for (const to of [...cuts, bytes.length]) {
    events.push(...parser.feed(bytes.subarray(from, to)));
    from = to;
  }
  return events;
};
const whole = feed([]);
const ways = [[...bytes.keys()]];
for (let cut = 0; cut <= bytes.length; cut += 1) ways.push([cut]);
const same = ways.every((cuts) => JSON.stringify(feed(cuts)) === JSON.stringify(whole));
return { events: whole.map(({ type, data, id }) => [type, data, id]), same };
"""


@pytest.fixture(scope="module")
def page(driver: WebDriver, filled: Site) -> Browser:
    browser = Browser(driver, filled)
    browser.sign_in()
    return browser


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        (b"data: a\n\n", [["message", "a", ""]]),
        (b"data:a\r\rdata: b\r\n\r\n", [["message", "a", ""], ["message", "b", ""]]),
        (b"\xef\xbb\xbfevent: delta\ndata: x\n\n", [["delta", "x", ""]]),
        (b": ping\n\ndata: a\n: ping\ndata: b\n\n", [["message", "a\nb", ""]]),
        (b"id: 1\ndata: a\n\ndata: b\n\n", [["message", "a", "1"], ["message", "b", "1"]]),
        (b"id: 1\ndata: a\n\nid\ndata: b\n\n", [["message", "a", "1"], ["message", "b", ""]]),
        (b"id: 1\0\ndata: a\n\n", [["message", "a", ""]]),
        (b"event: lost\n\ndata: a\n\n", [["message", "a", ""]]),
        (b"data\n\ndata:  two blanks\n\n", [["message", "", ""], ["message", " two blanks", ""]]),
        (b"unknown: x\ndata: a:b\n\n", [["message", "a:b", ""]]),
        (b"data: never ended\n", []),
        ("data: 月亮🌙\u2028\u0085x\n\n".encode(), [["message", "月亮🌙\u2028\u0085x", ""]]),
        (b"data: \xff\n\n", [["message", "\ufffd", ""]]),
    ],
)
def test_a_stream_means_the_same_however_it_is_cut(
    page: Browser, stream: bytes, events: list[list[str]]
):
    result = page.script(PARSE, list(stream))

    assert result["events"] == events
    assert result["same"]
