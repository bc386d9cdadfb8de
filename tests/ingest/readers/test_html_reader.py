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


def test_readings_and_deleted_text_are_left_out_and_what_was_deleted_is_counted():
    extraction = _read("<p><ruby>期<rt>き</rt></ruby>限は<del>三</del>五日</p>")

    assert extraction.pages[0].text == "期限は五日"
    assert extraction.warnings == ("Characters of struck-out text left out: 1.",)


@pytest.mark.parametrize(
    "closed",
    [
        '<div hidden="until-found">{}</div>',
        '<div role="tabpanel" style="display: none">{}</div>',
        '<button aria-controls="t2">More</button><div id="t2" hidden>{}</div>',
        '<div class="accordion-body" style="display:none">{}</div>',
        "<details><summary>More</summary>{}</details>",
    ],
)
def test_what_a_reader_can_open_is_read(closed):
    extraction = _read(f"<p>top</p>{closed.format('the code is 7')}")

    assert "the code is 7" in extraction.pages[0].text
    assert extraction.warnings == ()


def test_what_nobody_can_see_is_counted():
    extraction = _read("<p>top</p><p style='display:none'>secret</p><iframe src=x></iframe>")

    assert extraction.pages[0].text == "top"
    assert extraction.warnings == (
        "Characters of hidden text left out: 6.",
        "Embedded files not read: 1.",
    )


def test_formulas_descriptions_targets_and_values_are_in_the_text():
    extraction = _read(
        "<p>Yield: <math><msup><mi>x</mi><mn>2</mn></msup><mo>+</mo>"
        "<mfrac><mn>1</mn><mn>3</mn></mfrac></math></p>"
        '<p><img alt="The valve stands left of door 4"></p>'
        '<p>Get the <a href="/f/tr-9.pdf">form</a> or write '
        '<a href="mailto:a@b.example">us</a>.</p>'
        '<label>Owner</label> <input value="Red Mill"><br>'
        "<select><option>Oslo<option selected>Bern</select> <input type=checkbox checked> paid"
    )

    assert extraction.pages[0].text.split("\n\n") == [
        "Yield: x^2+1/3",
        "[Picture: The valve stands left of door 4]",
        "Get the form (/f/tr-9.pdf) or write us (a@b.example).",
        "Owner: Red Mill\nBern\n☒ paid",
    ]
    assert extraction.warnings == (
        "Options of lists left out that are not chosen: 1.",
        "Pictures not read: 1.",
    )


def test_targets_of_other_links_are_counted():
    extraction = _read('<p>See <a href="https://a.example/x">our site</a>.</p>')

    assert extraction.pages[0].text == "See our site."
    assert extraction.warnings == ("Link targets left out: 1.",)


@pytest.mark.parametrize(
    ("markup", "shown", "warning"),
    [
        (
            "<noscript>Turn on <b>scripts</b></noscript>",
            "x",
            "Characters of hidden text left out: 15.",
        ),
        ('<iframe srcdoc="<p>fee</p>"></iframe>', "x", "Embedded files not read: 1."),
        (
            "Site <select><option>North<option selected>South<option>West</select>",
            "x\n\nSite: South",
            "Options of lists left out that are not chosen: 2.",
        ),
    ],
)
def test_what_the_open_page_does_not_show_is_counted(markup, shown, warning):
    found = read_html(BytesIO(f"<p>x</p>{markup}".encode()), ReadOptions())

    assert found.pages[0].text == shown
    assert found.warnings == (warning,)


def test_an_abbreviation_is_explained_once_and_other_tooltips_are_counted():
    short = '<abbr title="Cash on delivery">COD</abbr>'
    extraction = _read(
        f'<p>Pay by {short} or {short}: <span title="Waived until next June">12 EUR</span>.</p>'
    )

    assert extraction.pages[0].text == "Pay by COD (Cash on delivery) or COD: 12 EUR."
    assert extraction.warnings == ("Texts left out that show under the pointer: 1.",)
