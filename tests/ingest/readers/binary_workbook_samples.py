"""Binary workbooks: an XLS as a program saved it, and XLSB written record by record (MS-XLSB)."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Mapping, Sequence

from tests.ingest.readers.office_samples import relations, zipped

XLS = zlib.decompress(
    base64.b85decode(
        r"c-rk)O-"
        r"NKx6#nk@&5z>GjH#f3h>(>D5^dV(m{_h9t3^KqH9C(H$5EcTs6|;e&?X346>S6y+E{J+!HC+m2$Wg`L7+veRzX1v^>xm"
        r"9_sM7m4wPWL?{Uw)_uTW%J@4Lgf9B22#^)y=)hu8QT2X*yw-DhRouX9eS7M-"
        r"c*X5$0M=7}hwiF7ZG?C#DW=h^fcn*2K7ohRbdPNfWMClZU(LI#0>oyVX;zLrg4=u`~*weT}sT9@XSGmYOk=sN*5ZmV>+"
        r"eC9+WDD8OtCN^bbT{rdaeQ3YOIs;Pg(t%KAez0X#A}Y@OE;8f8^QsnKbhWQ4YgJ=ra)8LX=iMQ>t(o$BA}zAxvQ)B1Ys"
        r"T(G~HA9;no4){dN7aF3@kTUV-#KSL-8x&_`(!*XnO-3mAucMsYA_QG!;BTSDkbI-"
        r"?_5it=+|4vjF5+I@~ax`=k!t2vS7Fj-MH(4R?#sOI$d*{mHK9H#2XU^1PiJe_pT+66#rj2lPnWV(n?1KB-dt9FkPSyRO"
        r"%Qz(;iTvk?$`dhsJ?QK_YPvW#_#>E5gT-m`d0T-8<LF7_+ufU*g(I|{PBCp7=ZkKY6$O^KgyrHMk6b?;@%~fe_pnmoV-"
        r"X(VCly^}%`}OeC+U)1VZYocAE?lUXexH~`J)LtY;`1|sCe@^F-"
        r"(oyV__;DW&_|KgzwJg*9W%bW=I|`T60bi(T%=dy(NQZkZN`e(Y8|!`c7d^1!sc<isEcHWjN_hR>ox2b^nTj(&0KF@LWZ"
        r"k_J9EwBTH?v-o-N^qjXm$j<*1s|_+tFf-mO8G<FORma_$YA5h-d#Zq-Op>qbh%A62Y3ssRE72oNAZfB^YJ$z9L8V_W9N"
        r"&3Chi`L44>X*u{z^55bJhUgikzmx}&q1?gwyyB+{A?5#;+91dOUdT8`y*n5{ulO;Lcl^@bTIIgahKaGiw}kTTe>opN|8"
        r"f7n0JEYILI"
    )
)
"""Sheet "Parts": part, kind, price; "pump" is merged over two rows, a date stands below. Sheet
"Secret" is hidden and holds "seal"."""


def xlsb(
    sheets: Mapping[str, Sequence[Sequence[str | float]]], last: tuple[int, int] | None = None
) -> bytes:
    """A workbook of texts and numbers; `last` are row and column of one more cell."""
    book = _record(131) + _record(143)
    links = {}
    files: dict[str, str | bytes] = {}
    for number, (name, rows) in enumerate(sheets.items(), start=1):
        book += _record(156, struct.pack("<II", 0, number) + _wide(f"r{number}") + _wide(name))
        links[f"r{number}"] = ("worksheet", f"worksheets/sheet{number}.bin")
        files[f"xl/worksheets/sheet{number}.bin"] = _sheet(rows, last)
    kind = "application/vnd.ms-excel.sheet.binary.macroEnabled.main"
    return zipped(
        {
            "[Content_Types].xml": f'<Types xmlns="http://schemas.openxmlformats.org/package/2006/'
            f'content-types"><Override PartName="/xl/workbook.bin" ContentType="{kind}"/></Types>',
            "_rels/.rels": relations({"r": ("officeDocument", "xl/workbook.bin")}),
            "xl/workbook.bin": book + _record(144) + _record(132),
            "xl/_rels/workbook.bin.rels": relations(links),
            **files,
        }
    )


def _sheet(rows: Sequence[Sequence[str | float]], last: tuple[int, int] | None = None) -> bytes:
    last_row, last_column = last or (len(rows) - 1, max(map(len, rows)) - 1)
    made = _record(129) + _record(148, struct.pack("<IIII", 0, last_row, 0, last_column))
    made += _record(145)
    for number, row in enumerate(rows):
        made += _record(0, struct.pack("<I", number) + bytes(13))
        for column, value in enumerate(row):
            place = struct.pack("<II", column, 0)
            if isinstance(value, str):
                made += _record(6, place + _wide(value))
            else:
                made += _record(5, place + struct.pack("<d", value))
    if last is not None:
        made += _record(0, struct.pack("<I", last_row) + bytes(13))
        made += _record(5, struct.pack("<IId", last_column, 0, 1.0))
    return made + _record(146) + _record(130)


def _wide(text: str) -> bytes:
    return struct.pack("<I", len(text)) + text.encode("utf-16-le")


def _record(kind: int, data: bytes = b"") -> bytes:
    head = bytes([kind]) if kind < 128 else bytes([kind & 127 | 128, kind >> 7])
    size, left = b"", len(data)
    while True:
        left, part = left >> 7, left & 127
        size += bytes([part | (128 if left else 0)])
        if not left:
            return head + size + data
