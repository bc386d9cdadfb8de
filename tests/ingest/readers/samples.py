"""Small files that the ingest tests make themselves: one per format, and PDFs written by hand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tests.ingest.readers.binary_workbook_samples import XLS, xlsb
from tests.ingest.readers.message_samples import MESSAGE_SAMPLES
from tests.ingest.readers.office_samples import OFFICE_SAMPLES


def pdf(pages: Iterable[Sequence[str]], *, encrypted: bool = False) -> bytes:
    """A PDF with one page per entry, whose lines are drawn below each other in Helvetica.

    `encrypted` only claims a password that nobody knows.
    """
    bodies: list[bytes] = []
    kids: list[int] = []
    for lines in pages:
        content = b"BT /F1 12 Tf 14 TL 72 740 Td\n"
        content += b"".join(b"(%s) Tj T*\n" % _escaped(line) for line in lines) + b"ET"
        bodies.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content))
        kids.append(3 + len(bodies) + 1)
        bodies.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents %d 0 R"
            b" /Resources << /Font << /F1 3 0 R >> >> >>" % (3 + len(bodies))
        )
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Count %d /Kids [%s] >>"
        % (len(kids), b" ".join(b"%d 0 R" % kid for kid in kids)),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        *bodies,
    ]
    return _with_table(objects, _ENCRYPTION if encrypted else b"")


_ENCRYPTION = (
    b" /Encrypt << /Filter /Standard /V 1 /R 2 /P -44 /O <%s> /U <%s> >> /ID [<00> <00>]"
    % (b"ab" * 32, b"cd" * 32)
)


def _escaped(line: str) -> bytes:
    for sign in "\\()":
        line = line.replace(sign, "\\" + sign)
    return line.encode("cp1252")


def _with_table(objects: Sequence[bytes], trailer: bytes) -> bytes:
    out = b"%PDF-1.4\n"
    offsets = []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size = len(objects) + 1
    return out + (
        b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Size %d /Root 1 0 R%s >>\n"
        b"startxref\n%d\n%%%%EOF" % (size, table, size, trailer, len(out))
    )


MARKDOWN = """---
title: Pumps
---

# Pumps

A pump moves water.

## Parts

| part | price |
|------|-------|
| seal | 3     |

- one
- two

```python
x  =  1
```
"""

HTML = """<!doctype html><html><head><title>Pumps at home</title><style>p{}</style></head><body>
<h1>Pumps</h1><p>A pump <b>moves</b>&nbsp;water.</p><script>alert(1)</script>
<table><tr><th>part</th><th>price</th></tr><tr><td>seal</td><td>3</td></tr></table>
<ul><li>one</li><li>two</li></ul><pre>x  =  1</pre><p hidden>secret</p></body></html>"""

XML_WORKBOOK = """<?xml version="1.0"?><?mso-application progid="Excel.Sheet"?>
<Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet"
 xmlns:ss="urn:schemas-microsoft-com:office:spreadsheet"><Worksheet ss:Name="Pumps"><Table>
<Row><Cell><Data ss:Type="String">part</Data></Cell>
<Cell><Data ss:Type="String">price</Data></Cell></Row>
<Row><Cell><Data ss:Type="String">seal</Data></Cell>
<Cell><Data ss:Type="Number">3</Data></Cell></Row>
</Table></Worksheet></Workbook>"""

CSV = 'part,price\nseal,3\n"valve, small",4\n'

SAMPLES: dict[str, tuple[str, bytes]] = {
    "application/pdf": ("pumps.pdf", pdf([["A pump moves water."]])),
    "text/markdown": ("pumps.md", MARKDOWN.encode()),
    "text/html": ("pumps.html", HTML.encode()),
    "text/csv": ("pumps.csv", CSV.encode()),
    "text/plain": ("pumps.txt", b"A pump moves water.\n\nIt has a seal.\n"),
    "application/vnd.ms-excel": ("pumps.xls", XLS),
    "application/vnd.ms-excel.sheet.binary.macroenabled.12": (
        "pumps.xlsb",
        xlsb({"Pumps": [["part", "price"], ["seal", 3.0]]}),
    ),
    "application/x-spreadsheetml": ("pumps.xml", XML_WORKBOOK.encode()),
    **OFFICE_SAMPLES,
    **MESSAGE_SAMPLES,
}
"""Media type → name and bytes of a good file. Every reader needs one."""
