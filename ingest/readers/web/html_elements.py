"""Elements of HTML that a reader sees without their holding text, and elements that nobody sees."""

from __future__ import annotations

import re
from collections.abc import Iterator

from selectolax.lexbor import LexborHTMLParser, LexborNode

from ingest.readers.pages import EMBEDDED, HIDDEN, PICTURES, STRUCK
from ingest.readers.web.html_boilerplate import children

TOOLTIPS = "Texts left out that show under the pointer"
OPTIONS = "Options of lists left out that are not chosen"

_DROPPED_WORDS = """
    head script style noscript template svg iframe object embed canvas audio video datalist rt rp
    rtc del s strike
    """
DROPPED = frozenset(_DROPPED_WORDS.split())
"""Elements whose text no reader sees as text of the page."""
_LOSSES = {
    **dict.fromkeys(("iframe", "object", "embed", "audio", "video"), EMBEDDED),
    **dict.fromkeys(("del", "s", "strike"), STRUCK),
    "noscript": HIDDEN,  # shown only where scripts are off
}
_HIDDEN_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_OPENED_CLASS = re.compile(
    r"(?:^|[\s_-])(?:tab|tabs|tabpanel|panel|accordion|collaps\w*|faq|spoiler|toggle)"
    r"(?:$|[\s_-])|(?:tab|accordion|collapse)[-_]?(?:content|body|pane|panel)",
    re.IGNORECASE,
)
_POSITION = re.compile(
    r"vertical-align\s*:\s*(super|sub)|(?:^|[\s_-])(sup|super|superscript|sub|subscript)(?:$|[\s_-])",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"\s*\d{1,3}\s*")
_SPOKEN_WORDS = 3
"""A description of fewer words is a logo's or an icon's. Character F1 on the 63 pages of
`bench.files … html_gold`, whose gold texts hold no description at all: 0.9524 without any, 0.9505
from three words on, 0.9490 from two, 0.9458 from one. Three Han or kana letters count as a word."""
_TEXT_FIELDS = frozenset(("", "text", "email", "tel", "number", "date", "url", "time", "month"))


def is_shown(node: LexborNode) -> bool:
    """Whether a reader sees this element, or would by opening a tab or an accordion."""
    return node.tag not in DROPPED and node.is_element_node and not is_hidden(node)


def is_text_shown(node: LexborNode) -> bool:
    """Whether an element's own text is what a reader sees of it; of a field it is not."""
    return node.tag not in ("select", "textarea") and is_shown(node)


def is_hidden(node: LexborNode) -> bool:
    """Whether an element is never shown: what can be opened on the page is not hidden."""
    attributes = node.attributes
    if not attributes:
        return False
    style = attributes.get("style")
    closed = "hidden" in attributes and attributes["hidden"] != "until-found"
    closed |= style is not None and _HIDDEN_STYLE.search(style) is not None
    return attributes.get("aria-hidden") == "true" or (closed and not _can_be_opened(node))


def _can_be_opened(node: LexborNode) -> bool:
    attributes = node.attributes
    if node.tag == "form" or node.css_first("form, input, select") is not None:
        return False  # a search or a sign-up, closed until somebody wants it
    return (
        attributes.get("role") == "tabpanel"
        or _OPENED_CLASS.search(attributes.get("class") or "") is not None
        or (node.parent is not None and node.parent.tag == "details")
    )


def loss(node: LexborNode) -> tuple[str, int] | None:
    """What is lost with an element that is not shown: a name for the receipt, and how much."""
    name = _LOSSES.get(node.tag or "")
    if name is not None:
        return name, 1 if name == EMBEDDED else len(" ".join(raw_text(node).split()))
    if node.tag == "svg" and node.css_first("text") is not None:
        return PICTURES, 1
    return None


def raw_text(root: LexborNode) -> str:
    """All text under an element as it stands; `<br>` is a line break."""
    parts = []
    stack = [root]
    while stack:
        node = stack.pop()
        if node.is_text_node:
            parts.append(node.text_content or "")
        elif node is root or is_shown(node):
            if node.tag == "br":
                parts.append("\n")
            stack.extend(reversed(children(node)))
    return "".join(parts)


def picture_text(image: LexborNode) -> str:
    """What a person wrote about a picture for those who cannot see it, if that says anything;
    that of a picture in a link is a button's name."""
    words = (image.attributes.get("alt") or "").split()
    size = sum(max(1, sum(letter > "\u2e80" for letter in word) / 3) for word in words)
    in_link = image.parent is not None and image.parent.tag == "a"
    return f"[Picture: {' '.join(words)}]" if size >= _SPOKEN_WORDS and not in_link else ""


def spoken_text(cell: LexborNode) -> str:
    """What stands for the signs of a cell that holds no words: ticks, crosses and flags."""
    found = (
        next(filter(None, map(node.attributes.get, ("alt", "aria-label", "title"))), "")
        for node in cell.css("[alt], [aria-label], [title]")
        if not is_hidden(node)
    )
    return " ".join(dict.fromkeys(" ".join(words.split()) for words in found if words)).strip()


def meaning(node: LexborNode) -> str:
    """What an abbreviation says that it stands for."""
    words = node.attributes.get("title") if node.tag in ("abbr", "acronym") else None
    return " ".join((words or "").split())


def tooltips(body: LexborNode) -> int:
    """How many elements without others in them say more under the pointer than their words do."""
    return sum(
        len(words.split()) >= _SPOKEN_WORDS
        and not any(child.is_element_node for child in children(node))
        and words not in raw_text(node)
        for node in body.css("[title]:not(abbr, acronym, iframe, img, td, th)")
        if (words := node.attributes.get("title") or "")
    )


def field_text(field: LexborNode) -> str:
    """The value of a form's field as the page shows it; empty for buttons and empty fields."""
    attributes = field.attributes
    kind = (attributes.get("type") or "").lower()
    if field.tag == "textarea":
        return raw_text(field).strip()
    if field.tag == "select":
        chosen = chosen_options(field)
        return ", ".join(raw_text(option).strip() for option in chosen)
    if kind in ("checkbox", "radio"):
        return "☒" if "checked" in attributes else "☐"
    return (attributes.get("value") or "").strip() if kind in _TEXT_FIELDS else ""


def chosen_options(field: LexborNode) -> list[LexborNode]:
    """The options of a list that the page shows as chosen: the first where none is marked."""
    options = field.css("option")
    return [option for option in options if "selected" in option.attributes] or options[:1]


def position(node: LexborNode) -> str:
    """How the text of an inline element stands: "a" in a link, "sup" raised, "sub" lowered."""
    if node.tag in ("a", "sup", "sub"):
        return node.tag
    if node.tag not in ("span", "small", "font"):
        return ""
    attributes = node.attributes
    look = f"{attributes.get('style') or ''} {attributes.get('class') or ''}"
    found = _POSITION.search(look)
    return "sup" if is_note_mark(node) else (found[1] or found[2])[:3].lower() if found else ""


def is_note_mark(node: LexborNode, words: str = "", before: str = "") -> bool:
    """Whether an element is the mark of a note: it says so, or is a link to another place of the
    text that consists of a number and is written right behind a word or a figure."""
    attributes = node.attributes
    if "noteref" in (attributes.get("role") or "") + (attributes.get("epub:type") or ""):
        return True
    if node.tag == "sup":
        return node.css_first("a") is not None
    is_glued = before.isalnum() or before in tuple("%€$")
    return (
        is_glued and "#" in (attributes.get("href") or "") and _NUMBER.fullmatch(words) is not None
    )


def formula_text(math: LexborNode) -> str:
    """MathML in one line: powers with ^, indices with _, fractions with /."""
    return "".join(_formula(math)).strip()


def _formula(node: LexborNode) -> Iterator[str]:
    parts = [child for child in children(node) if child.is_element_node]
    tag = node.tag or ""
    if tag.startswith("annotation"):
        return
    if not parts:
        yield (node.text() or "").strip()
        return
    pieces = ["".join(_formula(part)) for part in parts]
    sign = {"msup": "^", "msub": "_", "mfrac": "/", "mover": "^", "munder": "_"}.get(tag)
    if sign is not None and len(pieces) == 2:
        yield sign.join(_grouped(piece) for piece in pieces)
    elif tag in ("msubsup", "munderover") and len(pieces) == 3:
        yield f"{_grouped(pieces[0])}_{_grouped(pieces[1])}^{_grouped(pieces[2])}"
    elif tag == "msqrt":
        yield f"√({''.join(pieces)})"
    elif tag == "mtr":
        yield " ".join(pieces) + "; "
    else:
        yield from pieces


def _grouped(piece: str) -> str:
    return piece if len(piece) < 2 or piece.isalnum() or piece[:1] == "(" else f"({piece})"


def opened_ids(tree: LexborHTMLParser) -> frozenset[str]:
    """Ids of parts that a tab or a button of the page opens."""
    openers = tree.css("[aria-controls], [role=tab], [data-toggle], [data-bs-toggle]")
    names = ("aria-controls", "data-target", "data-bs-target", "href")
    return frozenset(
        (node.attributes.get(name) or "").lstrip("#") for node in openers for name in names
    )
