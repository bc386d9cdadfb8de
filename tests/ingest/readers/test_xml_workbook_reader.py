"""Excel 2003 XML: sheets and rows as Excel shows them, whatever the file is called."""

from io import BytesIO

import pytest

from ingest.readers import READERS
from ingest.sniff.media_types import XML_WORKBOOK, sniff
from ingest.types import ReadOptions
from kb.errors import UnsupportedMedia

_STYLES = """<Style ss:ID="Default"/><Style ss:ID="d"><NumberFormat ss:Format="Short Date"/></Style>
<Style ss:ID="e"><NumberFormat ss:Format="#,##0\\ &quot;EUR&quot;"/></Style>
<Style ss:ID="f" ss:Parent="e"/><Style ss:ID="z"><NumberFormat ss:Format="000000"/></Style>
<Style ss:ID="y"><NumberFormat ss:Format="Yes/No"/></Style>
<Style ss:ID="t"><NumberFormat ss:Format="Short Time"/></Style>"""


def xml_workbook(sheets: str) -> str:
    """A workbook of these `Worksheet` elements."""
    return (
        '<?xml version="1.0"?>\n<?mso-application progid="Excel.Sheet"?>\n'
        '<Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet"\n'
        ' xmlns:x="urn:schemas-microsoft-com:office:excel"\n'
        ' xmlns:ss="urn:schemas-microsoft-com:office:spreadsheet">'
        f"<Styles>{_STYLES}</Styles>{sheets}</Workbook>"
    )


def _row(*cells: str, more: str = "") -> str:
    return f"<Row{more}>{''.join(cells)}</Row>"


def _cell(text: str, kind: str = "String", more: str = "", behind: str = "") -> str:
    data = f'<Data ss:Type="{kind}">{text}</Data>' if text else ""
    return f"<Cell{more}>{data}{behind}</Cell>"


def _sheet(*rows: str, name: str = "Stock", more: str = "") -> str:
    return f'<Worksheet ss:Name="{name}"><Table>{"".join(rows)}</Table>{more}</Worksheet>'


def _read(*sheets: str):
    data = xml_workbook("".join(sheets)).encode()
    return READERS[XML_WORKBOOK](BytesIO(data), ReadOptions())


@pytest.mark.parametrize("name", ["stock.xls", "stock.xml", "stock", "stock.txt"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_it_is_told_by_its_first_element(name, encoding):
    assert sniff(xml_workbook("").encode(encoding), name) == XML_WORKBOOK


@pytest.mark.parametrize(
    "root",
    [
        '<w:wordDocument xmlns:w="http://schemas.microsoft.com/office/word/2003/wordml">',
        '<pkg:package xmlns:pkg="http://schemas.microsoft.com/office/2006/xmlPackage">',
    ],
)
def test_documents_of_word_in_one_file_are_refused_with_what_to_do(root):
    with pytest.raises(UnsupportedMedia, match=r"Save it as \.docx"):
        sniff(
            f'<?xml version="1.0"?><?mso-application progid="Word.Document"?>{root}'.encode(),
            "a.xml",
        )


def test_rows_have_the_names_of_their_columns_and_show_what_excel_shows():
    head = _row(*map(_cell, ("Item", "Price", "Day", "Code", "Ready", "At")))
    row = _row(
        _cell("Pump"),
        _cell("1250", "Number", ' ss:StyleID="f"'),
        _cell("2026-03-04T00:00:00.000", "DateTime", ' ss:StyleID="d"'),
        _cell("417", "Number", ' ss:StyleID="z"'),
        _cell("1", "Number", ' ss:StyleID="y"'),
        _cell("1899-12-31T08:30:00.000", "DateTime", ' ss:StyleID="t"'),
    )
    found = _read(_sheet(head, row), _sheet(_row(_cell("Note"), _cell("1", "Boolean")), name="B"))

    assert [page.text for page in found.pages] == [
        "Stock\n\nItem: Pump | Price: 1,250 EUR | Day: 2026-03-04 | Code: 000417 | Ready: Yes"
        " | At: 8:30",
        "B\n\nNote | TRUE",
    ]
    assert found.blocks[0].kind == "heading"


def test_merged_cells_gaps_and_blank_rows_stand_where_they_are():
    found = _read(
        _sheet(
            _row(_cell("Depot"), _cell("Item"), _cell("Boxes", more=' ss:Index="4"')),
            _row(
                _cell("Graz", more=' ss:MergeDown="1"'),
                _cell("Masks"),
                _cell("27", "Number", ' ss:Index="4"'),
            ),
            _row(_cell("Caps", more=' ss:Index="2"'), _cell("9", "Number", ' ss:Index="4"')),
            _row(_cell("City"), _cell("Lead"), more=' ss:Index="7"'),
            _row(_cell("Lyon"), _cell("Ann 2")),
        )
    )

    assert found.pages[0].text.split("\n")[2:] == [
        "Depot: Graz | Item: Masks | Boxes: 27",
        "Depot: Graz | Item: Caps | Boxes: 9",
        "",
        "City: Lyon | Lead: Ann 2",
    ]


def test_notes_links_raised_text_and_what_is_hidden_are_kept_or_named():
    note = "<Comment><ss:Data>until June</ss:Data></Comment>"
    raised = '5 m<html:Sup xmlns:html="http://www.w3.org/TR/REC-html40">2</html:Sup>'
    link = ' ss:HRef="https://example.org/plan.pdf"'
    options = "<x:WorksheetOptions><x:Visible>SheetHidden</x:Visible></x:WorksheetOptions>"
    rows = (
        '<Column ss:Hidden="1"/>',
        _row(*map(_cell, ("Room", "Size", "Seats"))),
        _row(_cell("B 1", behind=note), _cell(raised), _cell("4", "Number"), more=' ss:Hidden="1"'),
        _row(_cell("Plan", more=link), _cell("2 m"), _cell("9", "Number")),
    )
    found = _read(_sheet(*rows, more=options))

    assert found.pages[0].text.split("\n")[2:] == [
        "Room: B 1 [Note: until June] | Size: 5 m² | Seats: 4",
        "Room: Plan (https://example.org/plan.pdf) | Size: 2 m | Seats: 9",
    ]
    assert found.warnings == (
        "Hidden sheets were read, too: 'Stock'.",
        "Hidden rows and columns were read, too: 2.",
    )
