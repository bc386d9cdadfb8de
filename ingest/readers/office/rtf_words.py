"""The vocabulary of RTF: which control words are text, which groups are not, which code pages."""

from __future__ import annotations

import codecs
import re

from ingest.readers.pages import COMMENTS, EMBEDDED, PICTURES

TOKEN = re.compile(
    rb"\\([a-zA-Z]{1,32})(-?\d{1,10})? ?"  # 1, 2: control word and number
    rb"|\\'([0-9a-fA-F]{2})"  # 3: a byte
    rb"|\\(.)"  # 4: control sign
    rb"|([{}])"  # 5
    rb"|([^\\{}\r\n\x00]+)",  # 6: text
    re.DOTALL,
)

SIGNS = {
    "tab": "\t",
    "line": "\n",
    "lbr": "\n",
    "softline": "\n",
    "emdash": "—",
    "endash": "–",
    "bullet": "•",
    "lquote": "‘",
    "rquote": "’",
    "ldblquote": "“",
    "rdblquote": "”",
    "emspace": "\u2003",
    "enspace": "\u2002",
    "qmspace": "\u2005",
    "zwnj": "\u200c",
    "zwj": "\u200d",
    "~": "\u00a0",
    "_": "\u2011",
    "{": "{",
    "}": "}",
    "\\": "\\",
    "\n": "\n",
    "\r": "\n",
}
"""Control words and signs that stand for text."""

_NO_TEXT_WORDS = """
    colortbl info pict object datafield themedata colorschememapping datastore xmlnstbl
    listtable listoverridetable revtbl rsidtbl latentstyles generator mmathPr nonshppict sp
    annotation atnid atnauthor atndate atnref atntime atnparent atrfstart atrfend bkmkstart bkmkend
    template private pgdsctbl filetbl userprops xe tc tcn rxe do factoidname
    footnotesep ftnsep ftnsepc ftncn aftnsep aftnsepc aftncn wgrffmtfilter pnseclvl htmltag
    """
NO_TEXT = frozenset(_NO_TEXT_WORDS.split())
"""Groups that hold no text of the document."""

LOST_GROUPS = {"pict": PICTURES, "object": EMBEDDED, "annotation": COMMENTS}
"""Those of them that a reader of the document sees, and what the receipt calls them."""

_STARRED_WORDS = """
    shpinst shptxt shppict pn pntext listtext footnote nesttableprops
    fldinst fldrslt formfield ffl
    """
STARRED_TEXT = frozenset(_STARRED_WORDS.split())
"""Groups that are marked as optional and still hold text."""

DESTINATION_WORDS = {
    "fonttbl": "font",
    "stylesheet": "style",
    "footnote": "note",
    "listtext": "label",
    "pntext": "label",
    "fldinst": "instruction",
    "formfield": "form",
    "ffl": "choice",
    **dict.fromkeys(
        ("header", "headerl", "headerr", "headerf", "footer", "footerl", "footerr", "footerf"),
        "margin",
    ),
}
"""Groups whose text stands apart from the text around them."""

# \fcharset of a font (RTF 1.9.1, "Font table"); 0 is nobody's choice.
FONT_CHARSETS = {
    77: "mac_roman",
    78: "cp932",
    80: "gb18030",
    81: "big5hkscs",
    128: "cp932",
    129: "cp949",
    130: "johab",
    134: "gb18030",
    136: "big5hkscs",
    161: "cp1253",
    162: "cp1254",
    163: "cp1258",
    177: "cp1255",
    178: "cp1256",
    186: "cp1257",
    204: "cp1251",
    222: "cp874",
    238: "cp1250",
    254: "cp437",
    255: "cp850",
}
TOGGLES = {
    **dict.fromkeys(("super", "up"), ("position", "super", "")),
    **dict.fromkeys(("sub", "dn"), ("position", "sub", "")),
    **dict.fromkeys(("strike", "striked"), ("struck", True, False)),
    "v": ("hidden", True, False),
    "deleted": ("deleted", True, False),
}
"""Words that set a part of the state, or with a zero reset it: its name and both values."""

CHARACTER_SETS = {"mac": "mac_roman", "pc": "cp437", "pca": "cp850"}


def of_code_page(number: int) -> str:
    """The codec of a Windows code page."""
    wider = {936: "gb18030", 950: "big5hkscs", 65001: "utf-8", 10000: "mac_roman"}
    name = wider.get(number, f"cp{number}")
    try:
        return codecs.lookup(name).name
    except LookupError:
        return "cp1252"
