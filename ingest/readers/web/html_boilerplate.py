"""Which parts of an HTML page stand around what the page is about: menus, side bars, share buttons.

Nothing is dropped on a guess alone. A part goes if its tag or its names say what it is and it is
small beside the rest, or if it is hardly anything but links; and if little would be left, all is
kept. The receipt says how many characters went.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from selectolax.lexbor import LexborNode

_BOILERPLATE_TAGS = frozenset(("nav", "header", "footer", "aside", "dialog"))
_ROLES = """
    navigation banner contentinfo complementary search dialog alertdialog menu menubar tooltip
    toolbar
    """
_BOILERPLATE_ROLES = frozenset(_ROLES.split())
_NAMES = """
    ad ads advert advertisement adbox adslot banner breadcrumb breadcrumbs consent cookie cookies
    donate footer gdpr header login masthead menu modal nav navbar navigation navlinks newsletter
    outbrain overlay pager pagination popup prevnext promo promos recirc recommend recommendation
    recommendations recommended related rss share sharebar shares sharing shoutbox sidebar signin
    signup skyscraper skip social sponsor sponsored subscribe subscription taboola teaser teasers
    toolbar topbar trending widget widgets
    """
_BOILERPLATE_NAMES = frozenset(_NAMES.split())
_NAMES_OF_CONTENT = """
    article articlebody body column content entry entrycontent hentry main page post text
    """
_CONTENT_NAMES = frozenset(_NAMES_OF_CONTENT.split())
_MAIN = "main, article, [role=main], [itemprop=articleBody]"
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|\d+")
_LARGEST_SHARE = 0.35
"""A part that holds more of the page's text than this is never dropped for its names."""
_LEAST_SHARE = 0.15
_LEAST_CHARACTERS = 140
"""If less would be left, everything is kept; the second counts where no main part is marked."""
_LONG = 1000
_LINKED_PROSE = 0.3
_SLUG_WORDS = 4
"""An id of so many words is the slug of a heading, not a name for what a part does."""
_LINK_LIST = 0.75
_FEWEST_LINKS = 4
_LIST_TAGS = frozenset(("ul", "ol", "div", "section", "table", "td", "p", "aside", "form"))

Visible = Callable[[LexborNode], bool]


@dataclass(slots=True)
class _Size:
    """Characters of a node without blanks, those of them in links, and how many links."""

    text: int = 0
    linked: int = 0
    links: int = 0
    has_heading: bool = False
    has_main: bool = False


@dataclass(frozen=True, slots=True)
class Boilerplate:
    """The parts to leave out, by `mem_id` of their outermost nodes, and their characters."""

    nodes: frozenset[int] = frozenset()
    characters: int = 0


@dataclass(slots=True)
class _Search:
    sizes: dict[int, _Size]
    total: int
    has_main: bool
    nodes: set[int] = field(default_factory=set)
    characters: int = 0


def find_boilerplate(body: LexborNode, is_visible: Visible) -> Boilerplate:
    """What to leave out of a page; nothing if hardly anything would remain."""
    sizes = _sizes(body, is_visible)
    whole = sizes[body.mem_id]
    search = _Search(sizes, whole.text, body.css_first(_MAIN) is not None)
    _collect(body, search, is_visible)
    left = search.total - search.characters
    least = 1 if search.has_main else _LEAST_CHARACTERS
    if left < max(least, _LEAST_SHARE * search.total):
        return Boilerplate()
    return Boilerplate(frozenset(search.nodes), search.characters)


def _collect(body: LexborNode, search: _Search, is_visible: Visible) -> None:
    """Mark the outermost parts that go; inside the marked main part only small ones do."""
    stack = [(child, False) for child in _elements(body)]
    while stack:
        node, in_main = stack.pop()
        size = search.sizes.get(node.mem_id)
        if size is None or not size.text or not is_visible(node):
            continue
        if _is_boilerplate(node, size, search, in_main):
            search.nodes.add(node.mem_id)
            search.characters += size.text
            continue
        inside = in_main or _is_main(node)
        stack.extend((child, inside) for child in _elements(node))


def _is_boilerplate(node: LexborNode, size: _Size, search: _Search, in_main: bool) -> bool:
    share = size.text / max(1, search.total)
    if size.has_main and not in_main:
        return False
    tag = node.tag or ""
    named = tag in _BOILERPLATE_TAGS or node.attributes.get("role") in _BOILERPLATE_ROLES
    if not in_main and named and (search.has_main or tag == "nav" or _is_links(size)):
        return not (size.has_heading and not search.has_main)
    if share > _LARGEST_SHARE or size.has_heading or _is_prose(size):
        return False
    if _has_boilerplate_names(node):
        return True
    return not in_main and tag in _LIST_TAGS and _is_links(size)


def _is_prose(size: _Size) -> bool:
    """Whether a part is long and no list of links: comments, a long section of a manual."""
    return size.text > _LONG and size.linked < _LINKED_PROSE * size.text


def _is_links(size: _Size) -> bool:
    return size.links >= _FEWEST_LINKS and size.linked >= _LINK_LIST * size.text


def _is_main(node: LexborNode) -> bool:
    attributes = node.attributes
    return (
        node.tag in ("main", "article")
        or attributes.get("role") == "main"
        or attributes.get("itemprop") == "articleBody"
    )


def _has_boilerplate_names(node: LexborNode) -> bool:
    if node.tag in ("body", "html", "a", "code", "pre", "td", "tr", "tbody", "main", "article"):
        return False
    attributes = node.attributes
    names = (*(attributes.get("class") or "").split(), attributes.get("id") or "")
    words: set[str] = set()
    for name in names:
        parts = [word.lower() for word in _WORDS.findall(name)]
        if len(parts) < _SLUG_WORDS:
            words.update(parts)
    return bool(words & _BOILERPLATE_NAMES) and not words & _CONTENT_NAMES


def _sizes(body: LexborNode, is_visible: Visible) -> dict[int, _Size]:
    """Sizes of all visible elements, children before parents."""
    sizes: dict[int, _Size] = {}
    for node, entering in _walk(body, is_visible):
        if entering:
            if node.is_element_node:
                sizes[node.mem_id] = _Size()
            continue
        size = sizes[node.mem_id]
        for child in children(node):
            if child.is_text_node:
                size.text += len("".join((child.text_content or "").split()))
            elif (inner := sizes.get(child.mem_id)) is not None:
                size.text += inner.text
                size.linked += inner.linked
                size.links += inner.links
                size.has_heading |= inner.has_heading or child.tag == "h1"
                size.has_main |= inner.has_main or _is_main(child)
        if node.tag == "a":
            size.linked, size.links = size.text, 1
    return sizes


def _walk(root: LexborNode, enters: Visible) -> Iterator[tuple[LexborNode, bool]]:
    stack = [(root, True)]
    while stack:
        node, entering = stack.pop()
        yield node, entering
        if entering:
            stack.append((node, False))
            stack.extend((child, True) for child in _elements(node) if enters(child))


def _elements(node: LexborNode) -> list[LexborNode]:
    return [child for child in children(node) if child.is_element_node]


def children(node: LexborNode) -> list[LexborNode]:
    """All child nodes, text included."""
    found = []
    child = node.child
    while child is not None:
        found.append(child)
        child = child.next
    return found
