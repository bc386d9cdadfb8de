"""XLS and XLSB: values, merged cells and dates, and a receipt that names what is not read."""

from __future__ import annotations

from io import BytesIO
from zipfile import ZipFile

import pytest

from ingest.readers.sheets.binary_workbook import read_binary_workbook
from ingest.sniff import package_types
from ingest.sniff.media_types import sniff
from ingest.types import ReadOptions
from kb.errors import UnreadableFile
from tests.ingest.readers.binary_workbook_samples import XLS, xlsb


def read(data: bytes):
    return read_binary_workbook(BytesIO(data), ReadOptions())


def test_rows_of_an_xls_carry_their_header_and_merged_cells_repeat():
    found = read(XLS)

    assert [page.text for page in found.pages] == [
        "Parts\n\npart: pump | kind: small | price: 41\npart: pump | kind: large | price: 87.5\n\n"
        "due | 2026-03-04",
        "Secret\n\nseal",
    ]
    assert found.warnings[0] == "Hidden sheets were read, too: 'Secret'."
    assert "Number formats, notes, text boxes and pictures" in found.warnings[1]


def test_an_xlsb_is_read_by_the_same_rules():
    found = read(xlsb({"Stock": [["depot", "boxes"], ["Bern", 41.0], ["Rome", 7.5]]}))

    assert found.pages[0].text == "Stock\n\ndepot: Bern | boxes: 41\ndepot: Rome | boxes: 7.5"


def test_a_cell_far_from_the_others_is_an_error_that_says_what_to_do():
    with pytest.raises(UnreadableFile) as refused:
        read(xlsb({"Stock": [["depot", "boxes"]]}, last=(1_048_575, 16_383)))

    assert refused.value.code == "too_large"
    assert "1,048,576 rows by 16,384 columns" in refused.value.detail
    assert "save it as .xlsx" in refused.value.detail


def test_both_are_known_by_their_bytes():
    assert sniff(XLS[:8192], "a") == package_types.XLS
    assert sniff(xlsb({"S": [["x"]]})[:8192], "a") == package_types.XLSB


@pytest.mark.parametrize("data", [XLS[:700], b"not a workbook", b"\xd0\xcf\x11\xe0"])
def test_a_damaged_workbook_says_so(data):
    with pytest.raises(UnreadableFile) as refused:
        read(data)
    assert refused.value.code == "damaged_file"


def test_a_workbook_whose_sheet_is_related_to_nothing_is_damaged():
    source, damaged = ZipFile(BytesIO(xlsb({"Stock": [["depot"]]}))), BytesIO()
    with ZipFile(damaged, "w") as target:
        for name in source.namelist():
            data = source.read(name)
            target.writestr(name, data.replace(b"r1", b"r9") if "rels/work" in name else data)

    with pytest.raises(UnreadableFile) as refused:
        read(damaged.getvalue())
    assert refused.value.code == "damaged_file"
