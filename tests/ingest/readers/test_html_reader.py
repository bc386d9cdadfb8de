"""HTML: what a person reads."""

from io import BytesIO

import pytest

from ingest.readers.web.html import read_html
from ingest.types import ReadOptions
from tests.ingest.readers.samples import HTML


def _read(source, **options):
    data = source if isinstance(source, bytes) else source.encode()
    return read_html(BytesIO(data), ReadOptions(**options))


def _blocks(source):
    extraction = _read(source)
    page = extraction.pages[0].text
    return [(block.kind, block.level, page[block.start : block.end]) for block in extraction.blocks]


def test_every_block_is_found_and_hidden_parts_are_not():
    assert _blocks(HTML) == [
        ("heading", 1, "Pumps at home"),
        ("heading", 1, "Pumps"),
        ("paragraph", 0, "A pump moves\u00a0water."),
        ("table", 0, "part | price"),
        ("table", 0, "part: seal | price: 3"),
        ("list", 0, "one"),
        ("list", 0, "two"),
        ("code", 0, "x  =  1"),
    ]


def test_a_title_that_repeats_the_heading_is_said_once():
    blocks = _blocks("<title>Pumps</title><h1> Pumps </h1><p>text")

    assert [text for _, _, text in blocks] == ["Pumps", "text"]


def test_navigation_goes_only_around_a_marked_main_part_and_is_counted():
    page = "<nav>home</nav><{0}><p>water</p></{0}><footer>imprint</footer>"

    with_main = _read(page.format("main"))
    without = _read(page.format("div"))

    assert with_main.pages[0].text == "water"
    assert with_main.warnings == ("11 characters around the main part were left out.",)
    assert without.pages[0].text == "home\n\nwater\n\nimprint"
    assert without.warnings == ()


PROSE = "Water moves through the pump. " * 20


def _page(around, main="div"):
    return _read(f"<body>{around}<{main}><h2>Pumps</h2><p>{PROSE}</p></{main}></body>")


@pytest.mark.parametrize(
    "around",
    [
        "<nav><a href=a>Home</a></nav>",
        '<div class="side-bar sidebar"><p>Our shop</p></div>',
        '<div id="cookieConsent">We use cookies</div>',
        '<ul class="shareButtons"><li>Tweet</li></ul>',
        "<ul><li><a>One</a><li><a>Two</a><li><a>Three</a><li><a>Four</a></ul>",
    ],
)
def test_menus_and_buttons_around_the_main_part_go_and_are_counted(around):
    extraction = _page(around)

    assert extraction.pages[0].text == f"Pumps\n\n{PROSE.strip()}"
    assert "characters around the main part were left out." in extraction.warnings[0]


@pytest.mark.parametrize(
    "around",
    [
        f'<div class="sidebar"><p>{PROSE * 3}</p></div>',
        '<div class="section" id="sharing-with-many-pumps-at-once"><p>Share water.</p></div>',
        '<div class="header"><h1>All about pumps</h1></div>',
        "<ul><li>One</li><li>Two</li><li>Three</li></ul>",
        '<article class="post comments"><p>I like pumps.</p></article>',
    ],
)
def test_prose_headings_and_lists_are_kept_whatever_they_are_called(around):
    extraction = _page(around)

    assert extraction.warnings == ()


def test_everything_is_kept_if_hardly_anything_would_be_left():
    extraction = _read(f'<main>x</main><div class="sidebar">{"<p>words</p>" * 100}</div>')

    assert extraction.pages[0].text.count("words") == 100
    assert extraction.warnings == ()


def test_line_breaks_and_preformatted_text_are_kept():
    assert _blocks("<p>a <br> b\n c</p><pre>  if x:\n\n    y\n</pre>") == [
        ("paragraph", 0, "a\nb c"),
        ("code", 0, "  if x:\n\n    y"),
    ]


def test_a_table_that_lays_out_a_page_is_read_as_text():
    blocks = _blocks("<table><tr><td><h2>Left</h2><p>one</p></td><td>two</td></tr></table>")

    assert [(kind, text) for kind, _, text in blocks] == [
        ("heading", "Left"),
        ("paragraph", "one"),
        ("paragraph", "two"),
    ]


@pytest.mark.parametrize("nested", ["<div>", "<b>", "<table><tr><td>", "<ul><li>"])
def test_nesting_beyond_the_cap_keeps_its_text_and_is_reported(nested):
    extraction = _read("<p>top</p>" + nested * 20_000 + "deep")

    assert extraction.pages[0].text.startswith("top")
    assert extraction.pages[0].text.endswith("deep")
    assert any("nested deeper" in warning for warning in extraction.warnings)


@pytest.mark.parametrize(
    ("head", "written_as", "found"),
    [
        ('<meta charset="gb2312">', "gb18030", "gb18030"),
        ('<meta http-equiv="Content-Type" content="text/html; charset=big5">', "big5", "big5hkscs"),
        ('<meta charset="iso-8859-1">', "utf-8", "utf-8"),
        ("", "utf-16", "utf-16"),
        ("", "gbk", "gb18030"),
    ],
)
def test_the_declared_charset_is_honoured_if_it_can_be_true(head, written_as, found):
    words = "話說天下" if found == "big5hkscs" else "话说天下大势，这是我们的国家，不是你的。"

    extraction = _read(f"{head}<p>{words}</p>".encode(written_as))

    assert words in extraction.pages[0].text
    assert extraction.encoding == found


def test_a_declared_charset_that_cannot_be_is_reported():
    words = "话说天下大势，这是我们的国家，不是你的。"

    extraction = _read(f'<meta charset="utf-8"><p>{words}</p>'.encode("gb18030"))

    assert words in extraction.pages[0].text
    assert "declares utf-8" in extraction.warnings[0]
