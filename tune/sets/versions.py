"""Making versions of training sets, reading them, and what a person says of candidates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from kb.errors import Conflict, Rejected
from kb.knowledge_base import KnowledgeBase
from kb.store.tuning import training_sets
from kb.store.work import files
from kb.stored_files.keeping import keep
from kb.types import Scope, TrainingSetVersion
from tune.checking.report import check
from tune.checking.splitting import split
from tune.rows.canonical import bytes_of, rows_of
from tune.types import Finding, Origin, TrainingRow

PURPOSE = "fine-tune"
REFUSED = "refused: "
"""Begins the group of a candidate that a person did not want; the reason follows."""


@dataclass(frozen=True, slots=True)
class VersionOptions:
    """How rows become a version.

    `append` puts them behind those of the newest version, each once. With a share for `valid` or
    `test` all rows are split anew.
    """

    append: bool = False
    valid: float = 0.0
    test: float = 0.0
    seed: int = 0
    origin: Origin | None = None
    note: str = ""


def rows(kb: KnowledgeBase, found: TrainingSetVersion) -> list[TrainingRow]:
    """The rows of a version."""
    return list(rows_of(kb.originals.path(found.sha256).read_bytes()))


def newest(kb: KnowledgeBase, scope: Scope, name: str) -> tuple[int, list[TrainingRow]]:
    """The number of a set's newest version, and its rows; 0 and none where it has none.

    Raises NotFound.
    """
    if not kb.database.reading(training_sets.get, scope, name).versions:
        return 0, []
    found = kb.database.reading(training_sets.version, scope, name)
    return found.number, rows(kb, found)


def add(
    kb: KnowledgeBase,
    scope: Scope,
    name: str,
    given: Iterable[TrainingRow],
    options: VersionOptions,
    found: Iterable[Finding] = (),
) -> TrainingSetVersion:
    """Check rows and make them the next version of a set; what blocks training is in its report.

    Raises:
        NotFound: there is no such set.
        Conflict: another version came meanwhile.
        QuotaExceeded, StorageFull: nothing is stored.
    """
    after, before = newest(kb, scope, name)
    if options.origin is not None:
        given = [replace(row, origin=options.origin) for row in given]
    every = _each_once([*before, *given]) if options.append else list(given)
    if options.valid or options.test:
        every = split(every, valid=options.valid, test=options.test, seed=options.seed)
    report = asdict(check(every, found=found))
    file = keep(kb, scope, f"{name}-{after + 1}.jsonl", bytes_of(every), PURPOSE)
    try:
        return kb.database.writing(
            training_sets.add_version,
            scope,
            name,
            file,
            after=after,
            splits=dict(Counter(row.split or "train" for row in every)),
            note=options.note,
            report=report,
        )
    except BaseException:
        kb.database.writing(files.remove, file.id)
        kb.collect_originals([file.sha256])
        raise


def judge(
    kb: KnowledgeBase,
    scope: Scope,
    name: str,
    candidates: str,
    *,
    accepted: Collection[int],
    refused: Mapping[int, str],
    version: int,
) -> tuple[TrainingSetVersion | None, TrainingSetVersion]:
    """Move the candidates that a person wants into a set, and keep why others are refused.

    Args:
        accepted, refused: numbers of rows of `version` of the candidates, from 0.

    Raises:
        NotFound: there is no such set.
        Conflict: the candidates have another version meanwhile.
        Rejected: there is no such row.
    """
    after, waiting = newest(kb, scope, candidates)
    if after != version:
        raise Conflict(f"{candidates!r} has version {after} meanwhile. Read its rows again.")
    if not {*accepted, *refused} <= set(range(len(waiting))):
        raise Rejected(f"{candidates!r} has rows 0 to {len(waiting) - 1}.")
    wanted = [waiting[number] for number in sorted(set(accepted))]
    rest = [
        replace(row, group=REFUSED + refused[number]) if number in refused else row
        for number, row in enumerate(waiting)
        if number not in set(accepted)
    ]
    note = f"{len(wanted)} accepted of {candidates}@{version}"
    made = add(kb, scope, name, wanted, VersionOptions(append=True, note=note)) if wanted else None
    return made, add(kb, scope, candidates, rest, VersionOptions(note=note))


def remove(kb: KnowledgeBase, scope: Scope, name: str) -> None:
    """Delete a set with its versions. Raises NotFound."""
    kb.collect_originals(kb.database.writing(training_sets.remove, scope, name))


def _each_once(given: Sequence[TrainingRow]) -> list[TrainingRow]:
    return list({(row.messages, row.rejected, row.label): row for row in reversed(given)}.values())[
        ::-1
    ]
