"""More data by the configured language model: `kb tune augment`, `review` and `generate`."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from cli.connecting import connected
from cli.tune.app import tune
from cli.tune.stored_sets import set_or_new, version_path

if TYPE_CHECKING:
    from client.http import Client
    from tune.more.writing import Writer
    from tune.types import TrainingRow

T = TypeVar("T")

SetName = Annotated[str, typer.Argument(help="Name of a training set.")]
AtOnce = Annotated[int, typer.Option(help="Requests that are open at once.", min=1, max=64)]


@tune.command("augment")
def augment(
    name: SetName,
    count: Annotated[int, typer.Option(help="How many candidates at most.", min=1)] = 100,
    at_once: AtOnce = 4,
    work: Annotated[Path, typer.Option(help="Folder for what has come so far.")] = Path("."),
) -> None:
    """Let the language model make rows like those of a set; they wait for `kb tune review`."""
    from tune.more.augmenting import FIRST_ROUND
    from tune.more.augmenting import augment as made_up
    from tune.more.journal import Journal
    from tune.rows.canonical import write_rows

    with connected() as client:
        rows, (waiting, refused) = _rows(client, name), _candidates(client, name)
        own = [row for row in rows if row.origin != "augmented"]
        if len(own) == len(rows) and not refused and count > FIRST_ROUND:
            count = FIRST_ROUND
            typer.echo(f"A first round of {count} to read: what you refuse teaches the next.")
        journal = Journal(work / f"{name}.augment.partial")
        found = _with_writer(
            lambda writer: made_up(
                _single(own or rows), refused, [*rows, *waiting], count,
                writer=writer, journal=journal, told=_tell,
            ),
            at_once,
        )  # fmt: skip
        if found:
            with TemporaryDirectory() as folder:
                file = Path(folder) / "candidates.jsonl"
                write_rows(found, file)
                path = f"/v1/tuning/sets/{set_or_new(client, _beside(name))}/versions"
                client.send_file(path, file, {"options": json.dumps({"append": True})})
        journal.remove()
    typer.echo(f"{len(found)} candidates wait for: kb tune review {name}")


@tune.command("review")
def review(name: SetName) -> None:
    """Say yes or no to each candidate of a set. What you refuse, with why, is shown next time."""
    from tune.rows.canonical import to_json
    from tune.sets.versions import REFUSED

    with connected() as client:
        version = client.get(f"/v1/tuning/sets/{_beside(name)}")["versions"]
        accepted: list[int] = []
        refused: list[dict[str, Any]] = []
        for number, row in enumerate(_rows(client, _beside(name))):
            if row.group.startswith(REFUSED):
                continue
            for turn in to_json(row)["messages"]:
                typer.echo(f"{turn['role']}: {turn['content']}")
            said = typer.prompt("y: take it, n: refuse it, s: later, q: enough", default="s")
            if said == "q":
                break
            if said == "y":
                accepted.append(number)
            elif said == "n":
                refused.append({"row": number, "reason": typer.prompt("Why", default="")})
        if accepted or refused:
            body = {"candidates": _beside(name), "version": version}
            body |= {"accepted": accepted, "refused": refused}
            client.send("POST", f"/v1/tuning/sets/{name}/verdicts", body)
    typer.echo(f"{len(accepted)} taken, {len(refused)} refused")


@tune.command("generate")
def generate(
    template: Annotated[str, typer.Option(help="Prompt with {NAMES}, or @FILE.")],
    grid: Annotated[list[str], typer.Option(help="As dynasty=Tang,Song. Repeatable.")],
    out: Annotated[Path, typer.Option(help="The rows, as CSV.")],
    repeat: Annotated[int, typer.Option(help="Answers for each combination.", min=1)] = 1,
    max_tokens: Annotated[int, typer.Option(help="Longest answer.", min=1)] = 1000,
    temperature: Annotated[float, typer.Option(help="0 to 2.", min=0, max=2)] = 1.0,
    at_once: AtOnce = 4,
    price_in: Annotated[float, typer.Option(help="Of a million tokens sent.")] = 0.0,
    price_out: Annotated[float, typer.Option(help="Of a million tokens written.")] = 0.0,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Ask for every combination of a grid, several answers each, and write a CSV."""
    from kb.protocols import Sampling
    from tune.checking.report import estimated_tokens
    from tune.more.generating import generate as made
    from tune.more.generating import prompts_of

    text = Path(template[1:]).read_text(encoding="utf-8") if template[:1] == "@" else template
    values = {key: said.split(",") for key, _, said in (each.partition("=") for each in grid)}
    prompts = prompts_of(text, values)
    answers, asked = len(prompts) * repeat, sum(map(estimated_tokens, prompts.values()))
    cost = (asked * price_in + answers * max_tokens * price_out) / 1e6
    typer.echo(
        f"{len(prompts)} combinations, {answers} answers: about {asked} tokens sent, at most "
        f"{answers * max_tokens} written, at most {cost:.2f}"
    )
    if not yes:
        typer.confirm("Go on?", abort=True)

    async def run(writer: Writer) -> tuple[int, tuple[int, int]]:
        how = Sampling(temperature, max_tokens)
        count = await made(
            prompts, list(values), writer, out, repeat=repeat, sampling=how, told=_tell
        )
        return count, writer.tokens

    rows, (sent, written) = _with_writer(run, at_once)
    cost = (sent * price_in + written * price_out) / 1e6
    typer.echo(f"{out}: {rows} rows, {sent} tokens sent, {written} written, {cost:.2f}")


def _with_writer(run: Callable[[Writer], Coroutine[Any, Any, T]], at_once: int) -> T:
    from eval.model import configured
    from kb.settings import load_settings
    from tune.more.writing import Writer

    settings = load_settings()
    model = configured(settings)

    async def with_it() -> T:
        writer = Writer(model, settings.llm, at_once=at_once)
        try:
            return await run(writer)
        finally:
            await writer.close()

    return asyncio.run(with_it())


def _single(rows: list[TrainingRow]) -> list[TrainingRow]:
    from kb.errors import Rejected

    found = [row for row in rows if sum(turn.role == "user" for turn in row.messages) == 1]
    if not found:
        raise Rejected("No row of the set has one question: import some 50 good ones first.")
    return found


def _rows(client: Client, name: str) -> list[TrainingRow]:
    from tune.rows.canonical import rows_of

    target = io.BytesIO()
    client.download("GET", f"{version_path(client, name)}/export", target)
    return list(rows_of(target.getvalue()))


def _candidates(client: Client, name: str) -> tuple[list[TrainingRow], list[TrainingRow]]:
    from tune.sets.versions import REFUSED

    names = {each["name"]: each["versions"] for each in client.every("/v1/tuning/sets")}
    rows = _rows(client, _beside(name)) if names.get(_beside(name)) else []
    refused = [row for row in rows if row.group.startswith(REFUSED)]
    return [row for row in rows if not row.group.startswith(REFUSED)], refused


def _beside(name: str) -> str:
    return f"{name} candidates"


def _tell(count: int) -> None:
    typer.echo(f"\r{count} so far", nl=False, err=True)
