"""TeX as MathML, which browsers show without a script.

Whoever asks decides what an answer repeats: what may stand in the result is listed here, what could
grow is refused, and what fails has no MathML, so its reader sees the TeX.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape, unescape
from typing import Any

LONGEST_TEX = 1_000
"""Characters of a formula. The slowest of 80,000 random ones, twice as long, took 0.2 seconds."""

DEEPEST = 24
"""Groups within groups."""

_TAG = re.compile(
    "math|menclose|merror|mfrac|mi|mmultiscripts|mn|mo|mover|mpadded|mphantom|mprescripts|mroot|mrow|"
    "ms|mspace|msqrt|mstyle|msub|msubsup|msup|mtable|mtd|mtext|mtr|munder|munderover|none"
)
_WITH_WORD = re.compile(
    "accent|accentunder|columnalign|columnlines|display|displaystyle|fence|form|largeop|mathvariant|"
    "movablelimits|notation|rowlines|scriptlevel|separator|stretchy|symmetric"
)
_WITH_LENGTH = re.compile(
    "columnspacing|depth|height|linethickness|lspace|maxsize|minsize|rowspacing|rspace|width"
)
_WORD = re.compile(r"[-+\w ]{1,60}")
_LENGTH = re.compile(r"(-?(\d|\d?\.\d{1,4})(em|ex|mu|pt|px)?(\Z| )){1,20}")
"""Below ten of a unit: nothing is moved over what stands elsewhere on the page."""

_GROWING = re.compile(r"\\(def|newcommand|newenvironment|DeclareMathOperator)(?![A-Za-z])")
"""What names a text that may stand in itself: a short one could become a very long one."""

_TOKEN = re.compile(r"\\[A-Za-z]+|\\.|[{}]", re.DOTALL)
_STEPS = {"{": 1, "}": -1, r"\left": 1, r"\right": -1, r"\begin": 1, r"\end": -1}


def mathml_of(tex: str, *, block: bool) -> str | None:
    """A formula as MathML; None where it is none, or could be more than a formula.

    Args:
        tex: what stands between the dollar signs, at most `LONGEST_TEX` characters.
        block: whether it stands in a line of its own.
    """
    if len(tex) > LONGEST_TEX or _GROWING.search(tex) or _depth(tex) > DEEPEST:
        return None
    from latex2mathml.converter import Converter  # 30 ms, with the first formula

    try:
        return _written(Converter(display="block" if block else "inline").convert_to_element(tex))
    except Exception:  # a parser that raises by the dozen, of texts that anybody writes
        return None


def _depth(tex: str) -> int:
    """How deep groups stand within groups."""
    depth = deepest = 0
    for token in _TOKEN.finditer(tex):
        depth += _STEPS.get(token[0], 0)
        deepest = max(deepest, depth)
    return deepest


def _written(node: Any) -> str:
    inner = escape(unescape(node.text or "")) + "".join(map(_written, node))
    if not _TAG.fullmatch(node.tag):
        return inner
    return f"<{node.tag}{''.join(_attributes(node))}>{inner}</{node.tag}>"


def _attributes(node: Any) -> Iterator[str]:
    if node.tag == "math":
        yield ' xmlns="http://www.w3.org/1998/Math/MathML"'
    for name, value in node.attrib.items():
        is_word = _WITH_WORD.fullmatch(name) and _WORD.fullmatch(value)
        if is_word or (_WITH_LENGTH.fullmatch(name) and _LENGTH.fullmatch(value)):
            yield f' {name}="{escape(value)}"'
