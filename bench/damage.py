"""Damage to the files of an index, one at a time: are the answers right, and is it mended?

    python -m bench.damage [--checkout PATH] [--harms missing …] [--documents 1200] [--wait 15]

Two datasets are filled and closed. Then, for each file of the first one's indexes and each kind of
harm, the folder is copied and a server asked for known documents by words and by meaning, six
each: `before` a start the file is harmed while no server runs, `running` while one does that has
answered already. Asked right after the harm, again some seconds later, and again after a clean
stop and another start; then `fsck` is asked. `--checkout` measures another commit.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

import httpx

from bench.measuring import ROOT, kb_server, table, use_cores, wait_for_batch

UPLOADED_AT_ONCE = 200
ASKED = 6
SETTINGS = {"KB_EMBEDDING__MODEL": "hash"}
FLIPPED = (0.25, 0.75)


def flip(share: float) -> Callable[[Path, Path], None]:
    """Turns every bit of the byte at a share of the file's length."""

    def harm(path: Path, _foreign: Path) -> None:
        content = bytearray(path.read_bytes())
        if content:
            content[int(len(content) * share)] ^= 0xFF
        path.write_bytes(content)

    return harm


def replaced(path: Path, foreign: Path) -> None:
    """The same part of another dataset's index, or of an earlier state, stands in its place."""
    remove(path, foreign)
    (shutil.copytree if foreign.is_dir() else shutil.copy)(foreign, path)


def remove(path: Path, _foreign: Path) -> None:
    """Nothing is left."""
    (shutil.rmtree if path.is_dir() else Path.unlink)(path)


def unreadable(path: Path, foreign: Path) -> None:
    """Reading fails for everybody, root as well: a folder has the name."""
    remove(path, foreign)
    path.mkdir()


HARMS: dict[str, Callable[[Path, Path], None]] = {
    "missing": remove,
    "empty": lambda path, _: os.truncate(path, 0),
    "half": lambda path, _: os.truncate(path, path.stat().st_size // 2),
    **{f"byte {share:.0%}": flip(share) for share in FLIPPED},
    "foreign": replaced,
    "unreadable": unreadable,
}
WHOLE = ("missing", "foreign")
"""What is done to folders as well."""


@dataclass(frozen=True, slots=True)
class Filled:
    """A closed data folder with two datasets, and a copy from when the first had half its files."""

    root: Path
    datasets: tuple[str, str]

    def harmed(self, part: str) -> list[tuple[str, Path, Path]]:
        """(what, the file or folder in the present state, what a foreign one would be)."""
        own, other = (self.root / "now" / "index" / each / "g1" / part for each in self.datasets)
        early = self.root / "early" / own.relative_to(self.root / "now")
        found = [(part, own, other), (f"{part} of before", own, early)]
        largest = sorted(
            (each for each in own.rglob("*") if each.is_file() and each.suffix != ".lock"),
            key=lambda each: -each.stat().st_size,
        )
        named: dict[str, Path] = {}
        for each in largest:
            named.setdefault(each.suffix if part == "keywords" and each.stem else each.name, each)
        for name, each in named.items():
            foreign = next(p for p in other.rglob(f"*{name.lstrip('*')}") if p.is_file())
            found.append((f"{part}: {name}", each, foreign))
        return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Damage to the files of an index.")
    parser.add_argument("--checkout", type=Path, default=ROOT)
    parser.add_argument("--harms", nargs="+", default=list(HARMS), choices=HARMS)
    parser.add_argument("--moments", nargs="+", default=["before", "running"])
    parser.add_argument("--documents", type=int, default=1200)
    parser.add_argument("--wait", type=float, default=15, help="seconds until mended, at most")
    parser.add_argument("--keep", type=Path, help="fill this folder, or use what is in it")
    parser.add_argument("--cores", type=int, default=2)
    arguments = parser.parse_args()
    use_cores(arguments.cores)
    rows, total = [], Counter[str]()
    with tempfile.TemporaryDirectory() as root:
        filled = _filled(arguments.keep or Path(root), arguments.checkout, arguments.documents)
        for what, harm, path, foreign in _cases(filled):
            if harm not in arguments.harms:
                continue
            for moment in arguments.moments:
                found = _case(filled, arguments, moment, (HARMS[harm], path, foreign))
                print("|", " | ".join((what, harm, moment, *found)), "|", flush=True)
                total[f"{moment}: {'; '.join(found)}"] += 1
    rows = [(name, str(number)) for name, number in total.most_common()]
    print(table("\nDamage", ("moment: at once; later; after a restart; fsck", "cases"), rows))


@contextmanager
def _asked(root: Path, checkout: Path) -> Iterator[httpx.Client]:
    with kb_server(root, checkout=checkout, **SETTINGS) as server, server.client() as http:
        yield http


def _cases(filled: Filled) -> Iterator[tuple[str, str, Path, Path]]:
    for part in ("keywords", "vectors"):
        for what, path, foreign in filled.harmed(part):
            for name in WHOLE if path.is_dir() else HARMS:
                if "of before" not in what or name == "foreign":
                    yield what, name, path, foreign


def _case(
    filled: Filled,
    arguments: argparse.Namespace,
    moment: str,
    harm: tuple[Callable[[Path, Path], None], Path, Path],
) -> tuple[str, ...]:
    root, dataset = filled.root / "case", filled.datasets[0]
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(filled.root / "now", root)
    act, path, foreign = harm
    harmed = root / path.relative_to(filled.root / "now")
    found: list[str] = []
    with suppress(Exception):  # the server may die of it
        if moment == "before":
            act(harmed, foreign)
        with _asked(root, arguments.checkout) as http:
            if moment == "running":
                _answers(http, dataset, arguments.documents)
                act(harmed, foreign)
            found.append(_answers(http, dataset, arguments.documents))
            until = monotonic() + arguments.wait
            while (later := _state(http, dataset, arguments.documents)) != "right; clean":
                if monotonic() > until:
                    break
                sleep(0.5)
            found.append(later.split("; ")[0])
    found += ["died"] * (2 - len(found))
    with suppress(Exception), _asked(root, arguments.checkout) as http:
        found += [_answers(http, dataset, arguments.documents), _fsck(http)]
    return tuple(found) if len(found) == 4 else (*found, "died")


def _state(http: httpx.Client, dataset: str, documents: int) -> str:
    return f"{_answers(http, dataset, documents)}; {_fsck(http)}"


def _fsck(http: httpx.Client) -> str:
    return "clean" if http.post("/v1/fsck").raise_for_status().json()["clean"] else "violations"


def _answers(http: httpx.Client, dataset: str, documents: int) -> str:
    """`right` if all are, else what they are instead."""
    found: Counter[str] = Counter()
    for number in range(0, documents, documents // ASKED):
        for mode in ("keyword", "vector"):
            body = {"query": _text(number, 0), "mode": mode, "top_k": 1, "deduplicate": False}
            answer = http.post(f"/v1/datasets/{dataset}/search", json=body)
            if answer.status_code != 200:
                found[f"{mode} {answer.status_code}"] += 1
                continue
            names = [hit["document_name"] for hit in answer.json()["hits"]]
            kind = "nothing" if not names else "wrong"
            found["right" if names == [f"{number}.txt"] else f"{mode} {kind}"] += 1
    wrong = [name for name in sorted(found) if name != "right"]
    return ", ".join(wrong) or "right"


def _filled(root: Path, checkout: Path, documents: int) -> Filled:
    if (root / "early").exists():
        with _asked(root / "now", checkout) as http:
            known = {one["name"]: one["id"] for one in http.get("/v1/datasets").json()["data"]}
        return Filled(root, (known["a"], known["b"]))
    with _asked(root / "now", checkout) as http:
        made = [http.post("/v1/datasets", json={"name": name}).json()["id"] for name in "ab"]
        for salt, dataset in enumerate(made):
            _upload(http, dataset, range(documents // 2), salt)
    shutil.copytree(root / "now", root / "early")
    with _asked(root / "now", checkout) as http:
        for salt, dataset in enumerate(made):
            _upload(http, dataset, range(documents // 2, documents), salt)
    return Filled(root, (made[0], made[1]))


def _upload(http: httpx.Client, dataset: str, numbers: range, salt: int) -> None:
    for start in range(numbers.start, numbers.stop, UPLOADED_AT_ONCE):
        part = range(start, min(start + UPLOADED_AT_ONCE, numbers.stop))
        files = [("files", (f"{n}.txt", _text(n, salt).encode())) for n in part]
        answer = http.post(f"/v1/datasets/{dataset}/documents", files=files).raise_for_status()
        wait_for_batch(http, answer.json()["batch_id"])


def _text(number: int, salt: int) -> str:
    words = (f"{stem}{number}s{salt}" for stem in ("ash", "birch", "cedar", "date", "elm"))
    return " ".join(words)


if __name__ == "__main__":
    main()
