"""Where links of office documents lead: read where their words do not say it, else counted."""

from __future__ import annotations

from io import BytesIO

from ingest.readers.office.docx import read_docx
from ingest.readers.office.odf import read_odf
from ingest.readers.office.pptx import read_pptx
from ingest.readers.sheets.xlsx import read_xlsx
from ingest.types import ReadOptions
from tests.ingest.readers.docx_parts import run
from tests.ingest.readers.office_samples import docx, odf, pptx, relations, sheet_rows, xlsx

_LINKS = {
    "a": ("hyperlink", "mailto:keys@mill.example"),
    "b": ("hyperlink", "https://mill.example/"),
    "c": ("hyperlink", "forms/claim.pdf"),
}


def _word(key: str, words: str) -> str:
    return f'<w:hyperlink r:id="{key}">{run(words)}</w:hyperlink>'


def _slide(key: str, words: str) -> str:
    return f'<a:r><a:rPr><a:hlinkClick r:id="{key}"/></a:rPr><a:t>{words}</a:t></a:r>'


_FIELD = (
    '<w:p><w:r><w:fldChar w:fldCharType="begin"/></w:r>'
    '<w:r><w:instrText>HYPERLINK "tel:+49-30-4417"</w:instrText></w:r>'
    '<w:r><w:fldChar w:fldCharType="separate"/></w:r><w:r><w:t>Ring</w:t></w:r>'
    '<w:r><w:fldChar w:fldCharType="end"/></w:r><w:r><w:t> us or </w:t></w:r>'
    "<w:fldSimple w:instr=' HYPERLINK \"mailto:q@b.example\" '><w:r><w:t>write</w:t></w:r>"
    "</w:fldSimple></w:p>"
)


def test_a_word_document_says_where_its_links_lead():
    links = f"<w:p>{_word('a', 'Desk')}{run(' or ')}{_word('c', 'form')}{_word('b', ' site')}</w:p>"
    found = read_docx(BytesIO(docx(links + _FIELD, links=_LINKS)), ReadOptions())

    assert found.pages[0].text.split("\n\n") == [
        "Desk (keys@mill.example) or form (forms/claim.pdf) site",
        "Ring (+49-30-4417) us or write (q@b.example)",
    ]
    assert found.warnings == ("Link targets left out: 1.",)


def test_a_slide_says_where_its_links_lead():
    words = (_slide("a", "Ask the "), _slide("a", "desk"), _slide("b", " or mill.example"))
    shape = f"<p:sp><p:txBody><a:p>{''.join(words)}</a:p></p:txBody></p:sp>"
    extra = {"ppt/slides/_rels/slide1.xml.rels": relations(_LINKS)}
    found = read_pptx(BytesIO(pptx([shape], extra=extra)), ReadOptions())

    assert found.pages[0].text == "Ask the desk (keys@mill.example) or mill.example"
    assert not found.warnings


def test_cells_say_where_their_links_lead():
    namespace = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    rows = sheet_rows({1: {"A": "Desk", "B": "Site"}, 2: {"A": "Keys", "B": "Mill"}})
    formula = '<c r="C2" t="str"><f>HYPERLINK("tel:+4417","Ring")</f><v>Ring</v></c></row>'
    links = "".join(
        f'<hyperlink xmlns:r="{namespace}" ref="{cell}" r:id="{key}"/>'
        for cell, key in (("A2", "a"), ("B2:B3", "b"))
    )
    sheet = formula.join(rows.rsplit("</row>", 1)) + f"<hyperlinks>{links}</hyperlinks>"
    extra = {"xl/worksheets/_rels/sheet1.xml.rels": relations(_LINKS)}
    found = read_xlsx(BytesIO(xlsx({"S": sheet}, extra=extra)), ReadOptions())

    assert found.pages[0].text.endswith(
        "Desk: Keys (keys@mill.example) | Site: Mill | Ring (+4417)"
    )
    assert found.warnings == ("Link targets left out: 1.",)


def test_an_open_document_says_where_its_links_lead():
    link = '<text:a xmlns:xlink="http://www.w3.org/1999/xlink" xlink:href="{}">{}</text:a>'
    links = (link.format("mailto:keys@mill.example", "us"), link.format("http://m.example", "site"))
    content = f"<text:p>Write {links[0]} or see the {links[1]}.</text:p>"
    found = read_odf(BytesIO(odf("text", content)), ReadOptions())

    assert found.pages[0].text == "Write us (keys@mill.example) or see the site."
    assert found.warnings == ("Link targets left out: 1.",)
