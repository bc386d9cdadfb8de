"""Tables of HTML: a line per row, in which each value has the name of its column."""

from io import BytesIO

from ingest.readers.web.html import read_html
from ingest.types import ReadOptions


def _read(source):
    return read_html(BytesIO(source.encode()), ReadOptions())


def _blocks(source):
    extraction = _read(source)
    page = extraction.pages[0].text
    return [(block.kind, block.level, page[block.start : block.end]) for block in extraction.blocks]


def test_a_table_that_lays_out_a_page_is_read_as_text():
    blocks = _blocks("<table><tr><td><h2>Left</h2><p>one</p></td><td>two</td></tr></table>")

    assert [(kind, text) for kind, _, text in blocks] == [
        ("heading", "Left"),
        ("paragraph", "one"),
        ("paragraph", "two"),
    ]


def _lines(table):
    return [text for kind, _, text in _blocks(table) if kind == "table"]


def _row(*cells, tag="td"):
    return "<tr>" + "".join(f"<{tag}>{cell}</{tag}>" for cell in cells) + "</tr>"


def test_cells_merged_downwards_and_across_repeat_where_a_reader_sees_them():
    head = (
        "<tr><th rowspan=2>Site</th><th colspan=2>Stock</th></tr><tr><th>now</th><th>plan</th></tr>"
    )
    body = "<tr><td rowspan=2>Lyon</td><td>3</td><td>4</td></tr><tr><td>5</td><td>6</td></tr>"

    assert _lines(f"<table><thead>{head}</thead><tbody>{body}</tbody></table>") == [
        "Site: Lyon | Stock / now: 3 | Stock / plan: 4",
        "Site: Lyon | Stock / now: 5 | Stock / plan: 6",
    ]


def test_a_header_in_ordinary_cells_names_the_columns():
    bold = _row("<b>Zone</b>", "<strong>Rate</strong>")

    assert _lines(f"<table>{bold}{_row('North', '9 EUR')}</table>") == ["Zone: North | Rate: 9 EUR"]
    assert _lines(f"<table>{_row('Zone', 'Rate', 'Day')}{_row('North', '9', '2')}</table>") == [
        "Zone: North | Rate: 9 | Day: 2"
    ]


def test_lists_and_tables_in_cells_stay_in_their_row():
    inner = f"<table>{_row('S', '4')}{_row('M', '5')}</table>"
    table = _row("Item", "Notes", tag="th") + _row("Cap", "<ul><li>red<li>blue</ul>")

    assert _lines(f"<table>{table}{_row('Hat', inner)}</table>") == [
        "Item: Cap | Notes: red, blue",
        "Item: Hat | Notes: S | 4, M | 5",
    ]


def test_rows_that_begin_with_their_name_are_pairs():
    rows = "<tr><th>Owner</th><td>Ann</td></tr><tr><th>Phone</th><td>12</td></tr>"

    assert _lines(f"<table>{rows}</table>") == ["Owner: Ann", "Phone: 12"]


def test_a_second_row_of_head_cells_names_what_stands_below_it():
    first = _row("Item", "Price", tag="th") + _row("Cap", "4")
    second = _row("Depot", "Town", tag="th") + _row("D1", "Lyon")

    assert _lines(f"<table>{first}{second}</table>") == [
        "Item: Cap | Price: 4",
        "Depot: D1 | Town: Lyon",
    ]


def test_a_cell_with_a_sign_alone_is_read_by_its_description():
    extraction = _read(
        "<table><tr><th>Plan<th>Backup<th>Support"
        '<tr><td>Free<td><i class="x" title="No"></i><td><img src="a.png" alt="Yes">'
        '<tr><td>Pro<td><span role="img" aria-label="Yes"></span><td>By day</table>'
    )

    assert extraction.pages[0].text.split("\n") == [
        "Plan: Free | Backup: No | Support: Yes",
        "Plan: Pro | Backup: Yes | Support: By day",
    ]
