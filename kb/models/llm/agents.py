"""Who does it: whether a statement names one, for a question that asks for the one who does it.

"The tickets were bought in May" holds each word of "Who bought the tickets?" and does not answer
it. Who does something stands before the verb or behind "by"; in Chinese behind 由, or it ends as
words of persons and offices do. Without it 20 of the 80 questions of `school` and `hut` in
`bench.answers` that are not answered there get a sure answer.
"""

from __future__ import annotations

import re
from collections.abc import Set

from kb.text.asking import function_terms
from kb.text.folding import fold
from kb.text.stemming import relatives
from kb.text.terms import query_terms, terms

_WHO = re.compile(
    r"\b(?:by whom|von wem|durch wen|por quien(?:es)?)\b|\bwho\b(?=.* by\W*$)"
    r"|(?<!\ba )(?<!\bcon )(?<!\bpara )(?<!\bde )"
    r"\b(?:who|wer|quien(?:es)?)\b"
    r"(?! (?:is|are|was|were|do|does|did|ist|sind|war|waren|es|son|era|fue|esta)\b"
    r"| (?:can|could|should|must|may|will) (?:i|we|you|they|one)\b)|(?<!是)谁(?!是)",
    re.IGNORECASE,
)
_RELATIVE = re.compile(
    r"\b(?:what|when|how|where|which|why|is|are|may|must)\b.* who\b", re.IGNORECASE
)
_NAMED = re.compile(
    r":\s|\b(?:is|are|ist|sind|es|son) (?=[A-Z])"
    r"|\b(?:by|von|vom|durch|(?<=[ai]d[oa] )por|(?<=[ai]d[oa]s )por) (?=[^\W\d])"
)
"""It names somebody wherever it names the verb: "Manager: …", "… is Ana", "… by the porter"."""
_PASSIVE = re.compile(r"\b(?:is|are|was|were|be|been|being|se)(?: [^\W\d]+ly)? [^\W\d]+$")
_GERMAN_PASSIVE = re.compile(r"\b(?:wird|werden|wurden?|worden)\b")
_INVERTED = re.compile(r"^(?:lo|la|los|las) \w+ (?:el|la|un|una)$| (?:der|ein|eine)$")
"""The verb between its neighbours, where the subject follows it: "lo elabora la", "öffnet der"."""
_WORD = re.compile(r"[^\W_]+(?:[.'-][^\W_]+)*")
_HAN_AGENT = frozenset("由人员师长工部处室科组队司局院任者管")
_HAN_CLAUSE = re.compile("[，。；,;]")


def lacks_agent(query: str, text: str) -> bool:
    """Whether a question asks who does something, and a statement does not say it."""
    asked, said = fold(query), fold(text)
    if not (who := _WHO.search(asked)) or _RELATIVE.search(asked):
        return False
    wanted, rest = query_terms(query).keys(), asked[who.end() :]
    if who[0] == "谁":
        clause = _HAN_CLAUSE.split(said.strip("。！!").partition(rest[:2])[0])[-1]
        return _HAN_AGENT.intersection(clause) <= wanted
    if _NAMED.search(said):
        return False
    if _GERMAN_PASSIVE.search(said):
        return True
    function = function_terms(query)
    verbs = (frozenset(terms(word)) for word in _WORD.findall(rest))
    verb = next((held for held in verbs if not held <= function), frozenset[str]())
    return not _has_subject(said, verb, wanted, function)


def _has_subject(said: str, verb: Set[str], wanted: Set[str], function: Set[str]) -> bool:
    """Whether a word that is not asked stands before the verb, if it is no passive, or behind it;
    before all that are asked where the verb is another one."""
    words = list(_WORD.finditer(said))
    held = [frozenset(terms(word[0])) for word in words]
    new = [not found <= function and not _meets(found, wanted) for found in held]
    at = next((n for n, found in enumerate(held) if _meets(found, verb)), None)
    if at is None:
        at = next((n for n, found in enumerate(held) if _meets(found, wanted)), 0)
        return any(new[:at])
    if _INVERTED.search(" ".join(word[0] for word in words[max(0, at - 1) : at + 2])):
        return any(new[at + 1 : at + 4])
    return any(new[:at]) and not _PASSIVE.search(said[: words[at].end()])


def _meets(held: Set[str], wanted: Set[str]) -> bool:
    return not held.isdisjoint(wanted) or bool(relatives(wanted, held))
