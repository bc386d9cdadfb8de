"""The answerer that needs no model: it quotes the statements that fit the question best.

What it streams is verbatim text of the sources (line breaks become blanks), each statement with its
`[n]` mark, or a fixed sentence when nothing fits; of a row of a table it tells the asked cells.
Same question, same sources, same answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import replace
from itertools import islice, takewhile

from kb.models.llm.evidence import HIT, kind_bonus, lacks_qualifier, share_held, weights_among
from kb.models.llm.statements import Statement, statements
from kb.protocols import Frequencies
from kb.search.asked import asked_part, names_in, parts
from kb.search.scoring import Verdict, judged
from kb.text.asking import qualifiers
from kb.text.fixed_sentences import fixed_sentence
from kb.text.languages import spoken_language
from kb.text.scripts import HAN_KANA_HANGUL
from kb.text.terms import asked_identifiers, query_terms, terms
from kb.types import EndPiece, QuotedPiece, Retrieval, Source, TextPiece

THRESHOLD = 0.25
"""Least share of the question (by weight of its terms) that the best sentence and its surroundings
must hold; below it the answer is the refusal."""

MAX_SENTENCES = 3
"""Most sentences of an answer."""

LONGEST_LIST = 12
"""Most items of a list that a colon announces."""

ALSO_GOOD = 0.8
"""A further sentence must reach this share of the best score.

With 0.7 one more of the 255 answerable questions of `bench.answers` is right, with 0.9 none less.
Of 100 questions of SQuAD dev the gold answer is in 0.80 of the answers, with 0.9 in 0.79.
"""

_TOKEN = re.compile(f"\\s*(?:[{HAN_KANA_HANGUL}]{{1,2}}|[^\\s{HAN_KANA_HANGUL}]+)")


def extractive_answer(
    query: str,
    sources: Sequence[Source],
    refusal: str = "",
    *,
    verdict: Verdict | None = None,
    leading: str = "",
    earlier: Sequence[str] = (),
) -> Iterator[TextPiece | EndPiece]:
    """One to three sentences of the sources in small pieces, then how it ends: "stop" and
    grounded, or "refused" and not.

    Args:
        refusal: what is said when none fits; empty takes a fixed sentence.
        verdict: what the scores of the sources say; None judges by the usual thresholds.
        leading: the words of a follow-up, as they were asked.
        earlier: what was said before, in whose language fixed sentences are where the question is
            too short to tell.
    """
    best = max((source.hit.score for source in sources), default=-1.0)
    verdict = verdict or judged(best, Retrieval())
    most = {"refused": 0, "weak": 1}.get(verdict, MAX_SENTENCES)
    part = _asked(query, sources)
    chosen = choose(part, sources, leading, most=most) if most else []
    asked_of = leading if qualifiers(leading) else part if len(parts(query)) > 1 else query
    if chosen and verdict == "answered" and lacks_qualifier(query, asked_of, chosen):
        whole = _with_name(query, asked_of, chosen, sources)
        verdict = "answered" if whole else "weak"
        chosen = whole or choose(part, sources, leading, most=1)
    if most and not chosen:
        verdict, chosen = "weak", _across(part, sources)
    if not chosen:
        yield TextPiece(refusal or fixed_sentence("refused", spoken_language(query, earlier)))
        yield EndPiece(finish_reason="refused", grounded=False)
        return
    if verdict == "weak":
        caution = fixed_sentence("weak", spoken_language(query, earlier))
        yield TextPiece(f"{caution}\n\n")
    wanted, apart = query_terms(part).keys(), _telling_columns(chosen)
    places = _places(chosen)
    for before, statement in _parted(chosen):
        if place := places.get(statement, ""):
            before += f"{place}: "
        said = statement.row.answer(query, wanted, apart) if statement.row else ""
        for token in _TOKEN.findall(before + (said or statement.text)):
            yield QuotedPiece(token)
        yield TextPiece(f" [{statement.n}]")
    yield EndPiece(finish_reason="stop", grounded="weak" if verdict == "weak" else True)


def choose(
    query: str, sources: Sequence[Source], leading: str = "", *, most: int = MAX_SENTENCES
) -> list[Statement]:
    """The statements that answer a question best, in reading order; none below the threshold.

    Args:
        leading: the words of a follow-up; what does not hold them is about something else.
    """
    candidates = [s for rank, source in enumerate(sources) for s in statements(rank, source, query)]
    weights = weights_among(query, candidates)
    if not weights or not candidates:
        return []
    best_hit = max(source.hit.score for source in sources) or 1.0
    scored = []
    for statement in _led(candidates, leading, weights):
        evidence = share_held(statement, weights)
        score = evidence + kind_bonus(query, statement.text)
        score += HIT * max(statement.hit, 0.0) / best_hit
        scored.append((score, evidence, statement))
    scored.sort(key=lambda item: (-item[0], item[2].rank, item[2].index))
    if not scored or max(evidence for _, evidence, _ in scored) < THRESHOLD:
        return []
    return _picked(scored, candidates, most)


def _across(query: str, sources: Sequence[Source]) -> list[Statement]:
    """The beginning of the closest passage, if all are in another language than the question: there
    no words tell which of its sentences fits."""
    closest = max(sources, key=lambda source: source.hit.score)
    if not closest.hit.why.get("across"):
        return []
    return [s for s in statements(0, closest, query) if not s.is_heading][:MAX_SENTENCES]


def _with_name(
    query: str, asked: str, chosen: Sequence[Statement], sources: Sequence[Source]
) -> list[Statement]:
    """The best statement with one before it in the same section that holds the name it lacks: prose
    names a thing once. None if it lacks more, or is a row or an item.

    Of 150 questions of 8 articles of SQuAD dev 65 are answered for sure, without it 61, and no more
    of them wrongly. With any word in place of a name 71 are, and one of `hut` is answered wrongly.
    """
    leader = max(chosen, key=lambda s: len(s.terms | s.above))
    named = names_in(query)
    for before in reversed(statements(leader.rank, sources[leader.rank], asked)[: leader.index]):
        is_prose = before.index < leader.index and before.places == leader.places
        brought = (before.terms - leader.terms) & named
        if not is_prose or before.row or before.is_item or leader.is_item or not brought:
            continue
        if not lacks_qualifier(query, asked, [replace(leader, terms=leader.terms | brought)]):
            return [before, leader]
    return []


def _places(chosen: Sequence[Statement]) -> Mapping[Statement, str]:
    """The headings or documents that tell the statements apart, if these do not say it."""
    common = frozenset.intersection(*(statement.above for statement in chosen))
    found: dict[Statement, str] = {}
    for statement in chosen:
        telling = statement.above - common - statement.terms
        place = next((p for p in statement.places if telling.intersection(terms(p))), "")
        if place and place not in found.values():
            found[statement] = place
    return found


def _telling_columns(chosen: Sequence[Statement]) -> frozenset[str]:
    """The columns in which the rows that are told differ."""
    values: dict[str, set[str]] = {}
    for statement in chosen:
        for column, value in statement.row.cells if statement.row else ():
            values.setdefault(column, set()).add(value)
    return frozenset(column for column, held in values.items() if len(held) > 1)


def _asked(query: str, sources: Sequence[Source]) -> str:
    """The part of a message that the sources know of."""
    if len(parts(query)) < 2 and not asked_identifiers(query):
        return query
    held = [terms(f"{s.hit.document_name}\n\n{s.hit.chunk.index_text}") for s in sources]
    return asked_part(query, Frequencies.among(held))


def _led(
    candidates: Sequence[Statement], leading: str, weights: Mapping[str, float]
) -> Sequence[Statement]:
    """Those that hold most of what a follow-up has brought."""
    brought = weights.keys() & query_terms(leading).keys() if leading else frozenset()
    if not brought:
        return candidates
    held = [
        sum(weights[term] for term in brought & (statement.terms | statement.above))
        for statement in candidates
    ]
    most = max(held, default=0.0)
    return [s for s, weight in zip(candidates, held, strict=True) if 0 < weight >= most]


def _picked(
    scored: Sequence[tuple[float, float, Statement]], candidates: Sequence[Statement], most: int
) -> list[Statement]:
    best_score, _, leader = scored[0]
    picked: dict[str, Statement] = {}
    told: set[str] = set()
    for score, _, statement in scored:
        if score < ALSO_GOOD * best_score or len(picked) >= most:
            break
        said = statement.terms | statement.above
        if picked and not _adds(statement, leader, said - told):
            continue
        told |= said
        picked.setdefault(statement.text, statement)
        if statement.is_heading or statement.text.endswith((":", "：")):
            for announced in _after(statement, candidates):
                picked.setdefault(announced.text, announced)
    if most > 1:
        alike = (s for _, _, s in scored if _fits_as_well(s, leader))
        picked |= {s.text: s for s in islice(alike, LONGEST_LIST)}
    return sorted(picked.values(), key=lambda s: (s.rank != leader.rank, s.rank, s.index))


def _adds(statement: Statement, leader: Statement, new: Set[str]) -> bool:
    """Whether it says more of what is asked; of another place it must say the same as the first,
    and the place must be asked for."""
    brought = statement.above - leader.above
    if leader.above - statement.above - statement.terms and not brought:
        return False
    is_elsewhere = new <= statement.above - statement.terms
    return bool(new) and (not is_elsewhere or leader.terms - leader.above <= statement.terms)


def _fits_as_well(statement: Statement, leader: Statement) -> bool:
    """Whether both are rows of one table in which the same words of the question stand."""
    if statement.row is None or leader.row is None or leader.row.is_answered_question:
        return False
    columns = set(statement.row.columns), set(leader.row.columns)
    is_same_table = columns[0] <= columns[1] or columns[0] >= columns[1]
    return is_same_table and (statement.terms, statement.above) == (leader.terms, leader.above)


def _after(statement: Statement, candidates: Sequence[Statement]) -> list[Statement]:
    """What a colon announces: the next sentence, row or line of code of the same source, or a whole
    list."""
    at = candidates.index(statement) + 1
    following = [s for s in candidates[at : at + LONGEST_LIST] if s.rank == statement.rank]
    if not following or not following[0].is_item:
        return following[:1]
    return list(takewhile(lambda s: s.is_item, following))


def _parted(chosen: Iterable[Statement]) -> Iterator[tuple[str, Statement]]:
    """Each statement and what parts it from the one before: a blank if they are neighbours, else a
    paragraph."""
    before: Statement | None = None
    for statement in chosen:
        if before is None:
            yield "", statement
        elif (before.rank, before.index + 1) != (statement.rank, statement.index):
            yield "\n\n", statement
        else:
            is_line = statement.is_item or statement.row or before.is_heading
            yield "\n" if is_line else " ", statement
        before = statement
