"""Office documents and books that the ingest tests write by hand, part by part.

Small writers rather than libraries: a test shows the very XML that it is about.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from xml.sax.saxutils import escape

_OFFICE = "application/vnd.openxmlformats-officedocument"
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_NAMESPACES = (
    'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" '
    'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" '
    'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main" '
    'xmlns:c="http://schemas.openxmlformats.org/drawingml/2006/chart" '
    'xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math" '
    'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006" '
    'xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing" '
    'xmlns:wps="http://schemas.microsoft.com/office/word/2010/wordprocessingShape" '
    f'xmlns:v="urn:schemas-microsoft-com:vml" xmlns:r="{_RELATIONS}"'
)
_SHEET = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
_ODF = (
    " ".join(
        f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
        for name in ("office", "text", "table", "presentation", "manifest")
    )
    + ' xmlns:draw="urn:oasis:names:tc:opendocument:xmlns:drawing:1.0"'
)


def zipped(parts: Mapping[str, str | bytes], *, stored: Iterable[str] = ()) -> bytes:
    """A zip archive of the parts in their order; those in `stored` are not compressed."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            method = zipfile.ZIP_STORED if name in stored else zipfile.ZIP_DEFLATED
            archive.writestr(zipfile.ZipInfo(name), data, compress_type=method)
    return target.getvalue()


def relations(links: Mapping[str, tuple[str, str]]) -> str:
    """A `.rels` part: id → kind and target; a hyperlink leads outside."""
    made = "".join(
        f'<Relationship Id="{identifier}" Type="{_RELATIONS}/{kind}" Target="{target}"'
        + (' TargetMode="External"/>' if kind == "hyperlink" else "/>")
        for identifier, (kind, target) in links.items()
    )
    namespace = "http://schemas.openxmlformats.org/package/2006/relationships"
    return f'<Relationships xmlns="{namespace}">{made}</Relationships>'


def _package(main: str, content_type: str, parts: Mapping[str, str | bytes]) -> bytes:
    types = (
        '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        f'<Override PartName="/{main}" ContentType="{_OFFICE}.{content_type}.main+xml"/></Types>'
    )
    links = relations({"rId1": ("officeDocument", main)})
    return zipped({"[Content_Types].xml": types, "_rels/.rels": links, **parts})


def docx(
    body: str,
    parts: Mapping[str, str] | None = None,
    links: Mapping[str, tuple[str, str]] | None = None,
) -> bytes:
    """A Word document with that body.

    Args:
        body: the XML inside `<w:body>`.
        parts: root elements' inner XML by kind: styles, numbering, footnotes, endnotes, comments,
            header, footer.
        links: further links of the main part.
    """
    roots = {"header": "hdr", "footer": "ftr"}
    files: dict[str, str] = {}
    all_links = dict(links or {})
    for kind, inner in (parts or {}).items():
        root = roots.get(kind, kind)
        files[f"word/{kind}.xml"] = f"<w:{root} {_NAMESPACES}>{inner}</w:{root}>"
        all_links[f"r_{kind}"] = (kind, f"{kind}.xml")
    files["word/document.xml"] = f"<w:document {_NAMESPACES}><w:body>{body}</w:body></w:document>"
    files["word/_rels/document.xml.rels"] = relations(all_links)
    return _package("word/document.xml", "wordprocessingml.document", files)


def paragraph(text: str, properties: str = "") -> str:
    """A Word paragraph of one run."""
    marked = f"<w:pPr>{properties}</w:pPr>" if properties else ""
    return f'<w:p>{marked}<w:r><w:t xml:space="preserve">{escape(text)}</w:t></w:r></w:p>'


def word_table(rows: Sequence[Sequence[str]]) -> str:
    """A Word table of plain cells."""
    lines = (
        "<w:tr>" + "".join(f"<w:tc>{paragraph(cell)}</w:tc>" for cell in row) + "</w:tr>"
        for row in rows
    )
    return f"<w:tbl>{''.join(lines)}</w:tbl>"


def pptx(slides: Sequence[str], extra: Mapping[str, str | bytes] | None = None) -> bytes:
    """A presentation; a slide is the XML inside its shape tree, or a whole `<p:sld>`."""
    parts: dict[str, str | bytes] = {}
    links = {}
    entries = ""
    for number, shapes in enumerate(slides, start=1):
        whole = shapes.startswith("<p:sld")
        parts[f"ppt/slides/slide{number}.xml"] = (
            shapes.replace("<p:sld", f"<p:sld {_NAMESPACES}", 1)
            if whole
            else f"<p:sld {_NAMESPACES}><p:cSld><p:spTree>{shapes}</p:spTree></p:cSld></p:sld>"
        )
        links[f"rId{number}"] = ("slide", f"slides/slide{number}.xml")
        entries += f'<p:sldId id="{255 + number}" r:id="rId{number}"/>'
    parts["ppt/presentation.xml"] = (
        f"<p:presentation {_NAMESPACES}><p:sldIdLst>{entries}</p:sldIdLst></p:presentation>"
    )
    parts["ppt/_rels/presentation.xml.rels"] = relations(links)
    for name, data in (extra or {}).items():
        parts[name] = data.replace("NAMESPACES", _NAMESPACES) if isinstance(data, str) else data
    return _package("ppt/presentation.xml", "presentationml.presentation", parts)


def shape(texts: Sequence[str], placeholder: str | None = None) -> str:
    """A shape on a slide, a paragraph per text."""
    marked = f'<p:nvSpPr><p:nvPr><p:ph type="{placeholder}"/></p:nvPr></p:nvSpPr>'
    paragraphs = "".join(f"<a:p><a:r><a:t>{escape(text)}</a:t></a:r></a:p>" for text in texts)
    return f"<p:sp>{marked if placeholder else ''}<p:txBody>{paragraphs}</p:txBody></p:sp>"


def xlsx(
    sheets: Mapping[str, str],
    *,
    strings: Sequence[str] = (),
    styles: str = "",
    states: Mapping[str, str] | None = None,
    properties: str = "",
    extra: Mapping[str, str] | None = None,
) -> bytes:
    """A workbook: sheet names and the XML inside `<worksheet>`."""
    parts: dict[str, str] = {}
    links = {"rIdS": ("sharedStrings", "sharedStrings.xml"), "rIdT": ("styles", "styles.xml")}
    entries = ""
    for number, (name, inner) in enumerate(sheets.items(), start=1):
        parts[f"xl/worksheets/sheet{number}.xml"] = f"<worksheet {_SHEET}>{inner}</worksheet>"
        links[f"rId{number}"] = ("worksheet", f"worksheets/sheet{number}.xml")
        state = (states or {}).get(name, "visible")
        entries += f'<sheet name="{escape(name)}" sheetId="{number}" state="{state}" '
        entries += f'r:id="rId{number}"/>'
    items = "".join(f"<si><t>{escape(text)}</t></si>" for text in strings)
    parts["xl/sharedStrings.xml"] = f"<sst {_SHEET}>{items}</sst>"
    parts["xl/styles.xml"] = f"<styleSheet {_SHEET}>{styles}</styleSheet>"
    parts["xl/workbook.xml"] = (
        f'<workbook {_SHEET} xmlns:r="{_RELATIONS}">{properties}'
        f"<sheets>{entries}</sheets></workbook>"
    )
    parts["xl/_rels/workbook.xml.rels"] = relations(links)
    parts.update(extra or {})
    return _package("xl/workbook.xml", "spreadsheetml.sheet", parts)


def sheet_rows(rows: Mapping[int, Mapping[str, str | float]]) -> str:
    """`<sheetData>`: row number → column letter → words or a number."""
    made = ""
    for number, cells in rows.items():
        made += f'<row r="{number}">'
        for letter, value in cells.items():
            place = f'r="{letter}{number}"'
            if isinstance(value, str):
                made += f'<c {place} t="inlineStr"><is><t>{escape(value)}</t></is></c>'
            else:
                made += f"<c {place}><v>{value}</v></c>"
        made += "</row>"
    return f"<sheetData>{made}</sheetData>"


def odf(kind: str, content: str, extra: Mapping[str, str] | None = None) -> bytes:
    """An OpenDocument file: `kind` is text, presentation or spreadsheet."""
    body = f"<office:body><office:{kind}>{content}</office:{kind}></office:body>"
    parts = {
        "mimetype": f"application/vnd.oasis.opendocument.{kind}",
        "content.xml": f"<office:document-content {_ODF}>{body}</office:document-content>",
    }
    for name, inner in (extra or {}).items():
        parts[name] = inner.replace("NAMESPACES", _ODF)
    return zipped(parts, stored=["mimetype"])


def epub(
    chapters: Mapping[str, str],
    *,
    title: str = "Pumps",
    extra: Mapping[str, str | bytes] | None = None,
) -> bytes:
    """A book whose chapters are whole XHTML files, in the order given."""
    items = "".join(
        f'<item id="c{number}" href="{name}" media-type="application/xhtml+xml"/>'
        for number, name in enumerate(chapters)
    )
    spine = "".join(f'<itemref idref="c{number}"/>' for number in range(len(chapters)))
    book = (
        '<package xmlns="http://www.idpf.org/2007/opf" xmlns:dc="http://purl.org/dc/elements/1.1/">'
        f"<metadata><dc:title>{title}</dc:title></metadata>"
        f"<manifest>{items}</manifest><spine>{spine}</spine></package>"
    )
    container = (
        '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
        '<rootfile full-path="book/content.opf"/></rootfiles></container>'
    )
    parts = {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": container,
        "book/content.opf": book,
        **{f"book/{name}": text for name, text in chapters.items()},
        **(extra or {}),
    }
    return zipped(parts, stored=["mimetype"])


RTF = (
    rb"{\rtf1\ansi\ansicpg1252\deff0{\fonttbl{\f0\fcharset0 Arial;}{\f1\fcharset134 SimSun;}}"
    rb"{\stylesheet{\s1\outlinelevel0 heading 1;}}"
    rb"\pard\s1 Pumps\par\pard A pump moves water.\par"
    rb"\trowd\cellx1\cellx2\intbl part\cell price\cell\row"
    rb"\trowd\cellx1\cellx2\intbl seal\cell 3\cell\row\pard}"
)

_TABLE = (("part", "price"), ("seal", "3"))
_DOCX = docx(
    paragraph("Pumps", '<w:pStyle w:val="H1"/>')
    + paragraph("A pump moves water.")
    + word_table(_TABLE),
    {"styles": '<w:style w:styleId="H1"><w:name w:val="heading 1"/></w:style>'},
)
_PPTX = pptx([shape(["Pumps"], "title") + shape(["A pump moves water."])])
_XLSX = xlsx({"Pumps": sheet_rows({1: {"A": "part", "B": "price"}, 2: {"A": "seal", "B": 3}})})
_ODS_ROWS = "".join(
    "<table:table-row>"
    + "".join(f"<table:table-cell><text:p>{cell}</text:p></table:table-cell>" for cell in row)
    + "</table:table-row>"
    for row in _TABLE
)
_EPUB = epub({"one.xhtml": "<html><body><h1>Pumps</h1><p>A pump moves water.</p></body></html>"})

OFFICE_SAMPLES: dict[str, tuple[str, bytes]] = {
    f"{_OFFICE}.wordprocessingml.document": ("pumps.docx", _DOCX),
    f"{_OFFICE}.presentationml.presentation": ("pumps.pptx", _PPTX),
    f"{_OFFICE}.spreadsheetml.sheet": ("pumps.xlsx", _XLSX),
    "application/vnd.oasis.opendocument.text": (
        "pumps.odt",
        odf("text", "<text:h>Pumps</text:h><text:p>A pump moves water.</text:p>"),
    ),
    "application/vnd.oasis.opendocument.presentation": (
        "pumps.odp",
        odf(
            "presentation",
            "<draw:page><draw:frame><draw:text-box><text:p>A pump moves water.</text:p>"
            "</draw:text-box></draw:frame></draw:page>",
        ),
    ),
    "application/vnd.oasis.opendocument.spreadsheet": (
        "pumps.ods",
        odf("spreadsheet", f'<table:table table:name="Pumps">{_ODS_ROWS}</table:table>'),
    ),
    "application/epub+zip": ("pumps.epub", _EPUB),
    "application/rtf": ("pumps.rtf", RTF),
}
"""Media type → name and bytes of a good file."""
