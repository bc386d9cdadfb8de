"""Ordered lists of HTML: the numbers that a browser writes before the items."""

from io import BytesIO

import pytest

from ingest.readers.web.html import read_html
from ingest.types import ReadOptions


def _read(source):
    found = read_html(BytesIO(source.encode()), ReadOptions())
    return found.pages[0].text.split("\n")


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("<ol><li>Open<li><p>Close</p><p>Lock</p></ol>", ["1. Open", "2. Close", "Lock"]),
        ("<ol start=3><li>c<li value=7>g<li>h</ol>", ["3. c", "7. g", "8. h"]),
        ("<ol type=a start=2><li>x<li>y</ol>", ["b. x", "c. y"]),
        ("<ol type=I><li>x<li type=i>y<li hidden>-<li>z</ol>", ["I. x", "ii. y", "III. z"]),
        ("<ol reversed><li>c<li>b<li>a</ol>", ["3. c", "2. b", "1. a"]),
        ("<ol style='list-style-type: upper-alpha'><li>x<li>y</ol>", ["A. x", "B. y"]),
        ("<ol style='list-style: none'><li>x<li>y</ol>", ["x", "y"]),
        (f"<ol style='{'list-style:' * 20_000}'><li>x</ol>", ["1. x"]),
        ("<ol style='margin:0 ; list-style:square none'><li>x</ol>", ["x"]),
        ("<ol><li>x<ul><li>u</ul><ol type=a><li>y</ol><li>z</ol>", ["1. x", "u", "a. y", "2. z"]),
        ("<ol><li>1. written<li>2. out</ol>", ["1. written", "2. out"]),
        ("<ol><li>x<li><pre>make  all</pre></ol>", ["1. x", "2.", "", "make  all"]),
        ("<ol start=x><li>x</ol><ol><li>y</ol>", ["1. x", "1. y"]),
    ],
)
def test_items_have_the_numbers_that_a_page_shows(source, lines):
    assert _read(source) == lines


def test_numbers_stand_in_cells_as_well():
    rows = "<tr><th>Day<th>Steps</tr><tr><td>1<td><ol><li>open<li>read</ol></tr>"

    assert _read(f"<table>{rows}</table>") == ["Day: 1 | Steps: 1. open, 2. read"]
