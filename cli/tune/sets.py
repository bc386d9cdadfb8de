"""Training sets: prepare, validate and export files, here, without a server."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.printing import AsJson, print_json
from cli.tune.app import tune

if TYPE_CHECKING:
    from tune.rows.shapes import FormOptions
    from tune.types import Finding, TrainingReport, TrainingRow

Source = Annotated[
    Path,
    typer.Argument(help="A file of rows in any form.", metavar="FILE", exists=True, dir_okay=False),
]
Columns = Annotated[
    list[str],
    typer.Option("--column", help="As question=COLUMN or question={one},{other}. Repeatable."),
]
Separator = Annotated[str, typer.Option(help="Text that ends a prompt.")]
Stop = Annotated[str, typer.Option(help="Text that ends a completion.")]
Out = Annotated[Path, typer.Option(help="Folder for the files.")]
Valid = Annotated[float, typer.Option(help="Share of rows to hold out.", min=0, max=0.9)]
Test = Annotated[float, typer.Option(help="Share of rows for the last test.", min=0, max=0.9)]
Seed = Annotated[int, typer.Option(help="Chooses which groups are held out.")]


@tune.command("prepare")
def prepare(
    file: Source,
    column: Columns = [],  # noqa: B006
    out: Out = Path("prepared"),
    valid: Valid = 0.0,
    seed: Seed = 0,
) -> None:
    """Make prompts and completions of a file, and say what to use at inference."""
    from tune.checking.splitting import split
    from tune.rows.forms import write
    from tune.rows.preparing import prepare as made_ready

    prepared = made_ready(_read(file, _options(column)))
    rows = split(prepared.rows, valid=valid, seed=seed) if valid else prepared.rows
    written = write(rows, "prompt-completion", prepared.options)
    for line in prepared.done:
        typer.echo(line)
    tell(written.findings)
    _put(written.files, out)
    separator, stop = prepared.options.separator, prepared.options.stop
    typer.echo(f"At inference, end each prompt with {separator!r} and stop at {stop!r}:")
    typer.echo(f"  separator={separator!r} stop={[stop]!r} of a registered model do so")


@tune.command("validate")
def validate(
    file: Source,
    column: Columns = [],  # noqa: B006
    max_tokens: Annotated[int | None, typer.Option(help="Longest row of the trainer.")] = None,
    tokenizer: Annotated[
        Path | None, typer.Option(help="tokenizer.json of the model, or its folder.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say what blocks training and what to look at; exit status 1 if something blocks."""
    from dataclasses import asdict

    from tune.checking.report import check
    from tune.rows.forms import read

    rows, found = read(file.read_bytes(), file.name, options=_options(column))
    count = _counter(tokenizer) if tokenizer else None
    report = check(rows, count_tokens=count, max_tokens=max_tokens, found=found)
    if as_json:
        print_json(asdict(report))
    else:
        _show(report)
    if not report.is_trainable:
        raise typer.Exit(1)


@tune.command("export")
def export(
    file: Source,
    to: Annotated[str, typer.Option(help="A form, or who takes the files.")],
    column: Columns = [],  # noqa: B006
    separator: Separator = "",
    stop: Stop = "",
    model: Annotated[str, typer.Option(help="Base model, for job files.")] = "",
    out: Out = Path("exported"),
) -> None:
    """Write rows in another form, one file a split, with a job file where the target has one."""
    from dataclasses import replace

    from tune.rows.forms import write

    options = _options(column)
    rows = _read(file, options)
    written = write(rows, to, replace(options, separator=separator, stop=stop, model=model))
    tell(written.findings)
    _put(written.files, out)


def _options(columns: list[str]) -> FormOptions:
    from tune.rows.shapes import FormOptions

    mapped = dict(each.partition("=")[::2] for each in columns)
    if not all(mapped.values()):
        raise typer.BadParameter("a column is given as NAME=COLUMN, such as answer=story")
    return FormOptions(mapped)


def _read(file: Path, options: FormOptions) -> list[TrainingRow]:
    from tune.rows.forms import read

    rows, found = read(file.read_bytes(), file.name, options=options)
    tell(found)
    return rows


def _counter(tokenizer: Path) -> Callable[[str], int]:
    from tokenizers import Tokenizer

    path = tokenizer / "tokenizer.json" if tokenizer.is_dir() else tokenizer
    loaded = Tokenizer.from_file(str(path))
    return lambda text: len(loaded.encode(text, add_special_tokens=False).ids)


def _put(files: Mapping[str, bytes], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
        typer.echo(f"{folder / name}: {len(data)} bytes")


def tell(findings: Iterable[Finding], *, err: bool = True) -> None:
    """Print what was found, a line each."""
    for found in findings:
        more = ", …" if found.count > len(found.rows) else ""
        where = f" Rows {', '.join(map(str, found.rows))}{more}" if found.rows else ""
        kind = "blocks" if found.blocks else "look"
        typer.echo(f"{kind}  {found.code}: {found.detail}{where}", err=err)


def _show(report: TrainingReport) -> None:
    typer.echo(f"{report.rows} rows")
    tell(report.findings, err=False)
    for name, value in report.measures.items():
        if value:
            typer.echo(f"{name}: {value}")
