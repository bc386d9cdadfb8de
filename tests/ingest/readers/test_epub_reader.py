"""EPUB books: the reading order as pages, XHTML as it is written, locks and gaps."""

from __future__ import annotations

from io import BytesIO

import pytest

from ingest.readers.web.epub import read_epub
from ingest.types import Extraction, ReadOptions
from kb.errors import UnreadableFile
from tests.ingest.readers.office_samples import epub, zipped


def read(data: bytes, most: int = 20_000_000) -> Extraction:
    return read_epub(BytesIO(data), ReadOptions(max_characters=most))


def page(body: str, head: str = "") -> str:
    return (
        '<?xml version="1.0"?><!DOCTYPE html><html xmlns="http://www.w3.org/1999/xhtml">'
        f"<head>{head}</head><body>{body}</body></html>"
    )


def test_chapters_are_pages_in_the_reading_order():
    found = read(epub({"b.xhtml": page("<h1>B</h1><p>x</p>"), "a.xhtml": page("<h2>A</h2>")}))

    assert [page.text for page in found.pages] == ["B\n\nx", "A"]
    assert [(block.page, block.kind, block.level) for block in found.blocks] == [
        (1, "heading", 1),
        (1, "paragraph", 0),
        (2, "heading", 2),
    ]


def test_empty_elements_of_xhtml_do_not_swallow_what_follows():
    head = '<title/><script src="x.js"/><style/>'
    found = read(epub({"a.xhtml": page('<a id="x"/><p/><div/>all <br/>of <i/>it', head)}))

    assert found.pages[0].text == "all\nof it"


def test_a_title_stands_in_for_a_missing_heading_unless_it_is_the_books():
    chapters = {
        "a.xhtml": page("one", "<title>Pumps</title>"),
        "b.xhtml": page("two", "<title>Seals &amp; rings</title>"),
        "c.xhtml": page("three", "<title>Seals &amp; rings</title>"),
        "d.xhtml": page("<h1>Own</h1>", "<title>other</title>"),
    }

    found = read(epub(chapters))

    assert [page.text for page in found.pages] == ["one", "Seals & rings\n\ntwo", "three", "Own"]


@pytest.mark.parametrize(
    ("name", "kind", "contents"),
    [
        (
            "nav.xhtml",
            'media-type="application/xhtml+xml" properties="nav"',
            '<nav epub:type="toc"><ol><li><a href="t/a.xhtml">Arrival</a></li>'
            '<li><a href="t/b.xhtml#x">Way <b>out</b></a></li></ol></nav>'
            '<nav epub:type="landmarks"><a href="t/c.xhtml">Begin</a></nav>',
        ),
        (
            "toc.ncx",
            'media-type="application/x-dtbncx+xml"',
            '<!DOCTYPE ncx PUBLIC "-//NISO//DTD ncx 2005-1//EN" "ncx.dtd"><ncx><navMap>'
            "<navPoint><navLabel><text>Arrival</text></navLabel><content src='t/a.xhtml'/>"
            "<navPoint><navLabel><text>Way out</text></navLabel><content src='t/b.xhtml#x'/>"
            "</navPoint></navPoint></navMap></ncx>",
        ),
    ],
)
def test_titles_of_the_contents_stand_in_for_missing_headings(name, kind, contents):
    items = "".join(
        f'<item id="{n}" href="t/{n}.xhtml" media-type="application/xhtml+xml"/>' for n in "abc"
    )
    book = (
        '<package xmlns="http://www.idpf.org/2007/opf"><metadata>'
        '<title xmlns="http://purl.org/dc/elements/1.1/">Pumps</title></metadata>'
        f'<manifest><item id="toc" href="{name}" {kind}/>{items}</manifest><spine>'
        f"{''.join(f'<itemref idref={n!r}/>' for n in ('a', 'b', 'c', 'gone'))}</spine></package>"
    )
    chapters = {
        "t/a.xhtml": page("one", "<title>Pumps</title>"),
        "t/b.xhtml": page("two"),
        "t/c.xhtml": page("<h1>Own</h1>"),
        name: contents,
    }
    found = read(epub(chapters, extra={"book/content.opf": book}))

    assert [one.text for one in found.pages] == ["Arrival\n\none", "Way out\n\ntwo", "Own", ""]
    assert found.warnings == ("Chapters that could not be read and count as empty: 4.",)


def test_tables_and_lists_of_a_chapter_keep_their_form():
    body = "<table><tr><th>part</th><th>price</th></tr><tr><td>seal</td><td>3</td></tr></table>"
    found = read(epub({"a.xhtml": page(body + "<ul><li>x</li><li>y</li></ul>")}))

    assert found.pages[0].text == "part: seal | price: 3\n\nx\ny"


def test_missing_and_empty_chapters_are_named():
    data = epub({"a.xhtml": page("one"), "b.xhtml": page(""), "gone.xhtml": page("x")})
    found = read(data.replace(b"book/gone.xhtml", b"book/gxne.xhtml"))

    assert found.empty_pages == (2, 3)
    assert found.warnings == ("Chapters that could not be read and count as empty: 3.",)


def test_names_are_unquoted_and_resolved():
    data = epub({"text/one%20two.xhtml": page("x")})
    parts = {"book/text/one two.xhtml": page("found")}

    assert read(epub({"text/one%20two.xhtml": page("x")}, extra=parts)).pages[0].text == "found"
    with pytest.raises(UnreadableFile):
        read(data)


def test_an_encoded_chapter_is_decoded():
    text = page("年度").replace('"1.0"', '"1.0" encoding="gb18030"').encode("gb18030")
    found = read(epub({"a.xhtml": "x"}, extra={"book/a.xhtml": text}))

    assert found.pages[0].text == "年度"


def _locked(algorithm: str, part: str) -> dict[str, str | bytes]:
    return {
        "META-INF/encryption.xml": (
            f'<encryption><EncryptedData><EncryptionMethod Algorithm="{algorithm}"/><CipherData>'
            f'<CipherReference URI="{part}"/></CipherData></EncryptedData></encryption>'
        )
    }


def test_a_locked_book_is_refused_and_scrambled_fonts_are_not():
    chapters = {"a.xhtml": page("one")}
    aes = "http://www.w3.org/2001/04/xmlenc#aes256-cbc"
    fonts = "http://www.idpf.org/2008/embedding"

    with pytest.raises(UnreadableFile, match="DRM") as refused:
        read(epub(chapters, extra=_locked(aes, "book/a.xhtml")))
    assert refused.value.code == "password_required"
    assert read(epub(chapters, extra=_locked(fonts, "book/f.otf"))).pages[0].text == "one"


def test_the_limit_counts_over_all_chapters():
    with pytest.raises(UnreadableFile) as refused:
        read(epub({"a.xhtml": page("x" * 60), "b.xhtml": page("y" * 60)}), most=100)
    assert refused.value.code == "too_large"


@pytest.mark.parametrize("part", ["META-INF/container.xml", "book/content.opf"])
def test_a_book_without_its_lists_is_damaged(part):
    data = epub({"a.xhtml": page("one")})
    with pytest.raises(UnreadableFile) as refused:
        read(data.replace(part.encode(), part.encode()[:-1] + b"_"))
    assert refused.value.code == "damaged_file"


def test_a_zip_of_something_else_says_so():
    with pytest.raises(UnreadableFile) as refused:
        read(zipped({"a": "b"}))
    assert refused.value.code == "damaged_file"


def test_what_chapters_lose_is_counted_in_all():
    body = '<p>one <img src="x.png"/><del>old</del></p>'

    found = read(epub({"a.xhtml": page(body), "b.xhtml": page(body)}))

    assert found.warnings == (
        "Characters of struck-out text left out: 6.",
        "Pictures not read: 2.",
    )


@pytest.mark.parametrize(
    "mark",
    [
        '<a epub:type="noteref" href="#n1">1</a>',
        '<span epub:type="noteref">1</span>',
        '<sup><a href="#n1">1</a></sup>',
        '<a href="#fn1"><sup>1</sup></a>',
        '<a href="#fn1">1</a>',
        '<a class="footnote-ref" href="notes.xhtml#fn1"><small>1</small></a>',
        '<span style="vertical-align: super">1</span>',
        '<span class="superscript">1</span>',
    ],
)
@pytest.mark.parametrize("before", ["50", "50 %"])
def test_the_mark_of_a_note_never_grows_into_the_figure_before_it(mark, before):
    found = read(epub({"a.xhtml": page(f"<p>{before}{mark} due</p>")}))

    marks = (" [1]", "[1]", "^1", "¹")
    assert found.pages[0].text in [f"{before}{mark} due" for mark in marks]


def test_a_link_to_a_numbered_place_keeps_its_number():
    links = (
        '<p>see Fig.<a href="#f1">1</a>, section <a href="#s5">5</a>, 3<a href="x.html">4</a></p>'
    )
    assert read(epub({"a.xhtml": page(links)})).pages[0].text == "see Fig.1, section 5, 34"
