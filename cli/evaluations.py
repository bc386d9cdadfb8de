"""The commands `kb eval …`: run a question set, make one, bring one into our form.

Everything heavy is imported when a command runs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.connecting import connected

_DATASET = typer.Option(help="Dataset as NAME or NAME@GENERATION: its search is measured.")
_APP = typer.Option(help="App as SLUG or SLUG@VERSION: its answers are measured.", metavar="SLUG")
_AGAINST = typer.Option(help="A second dataset or app (with --app) to compare with.")
_MODE = typer.Option(help="How to search a dataset: hybrid, vector or keyword.")
_AGAINST_MODE = typer.Option(help="The same for --against; alone, another mode of one dataset.")
_K = typer.Option("--k", help="The k of recall@k and hit@k, with commas.")
_BARS = typer.Option(help="METRIC=VALUE, such as recall@5=0.8: exit 1 below it. Repeatable.")
_OUT = typer.Option(help="The report; the same as JSON is written beside it.")
_RAGAS = typer.Option(help="Also write the answers of --app as JSON Lines that Ragas reads.")
_DEEPEVAL = typer.Option(help="Also write the answers of --app as JSON that DeepEval reads.")
_SAMPLE = typer.Option(help="Ask at most so many questions, chosen by --seed.")
_JUDGE = typer.Option(help="Let the model of KB_LLM__MODEL judge the answers of an app.")


evaluations = typer.Typer(help="Measure searches and answers.", no_args_is_help=True)


@evaluations.command("run")
def run(
    questions: Annotated[Path, typer.Argument(help="A question set.", metavar="SET")],
    dataset: Annotated[str | None, _DATASET] = None,
    app: Annotated[str | None, _APP] = None,
    against: Annotated[str | None, _AGAINST] = None,
    mode: Annotated[str, _MODE] = "hybrid",
    against_mode: Annotated[str | None, _AGAINST_MODE] = None,
    k: Annotated[str, _K] = "1,3,5,10,20",
    fail_under: Annotated[list[str], _BARS] = [],  # noqa: B006
    out: Annotated[Path, _OUT] = Path("report.html"),
    sample: Annotated[int | None, _SAMPLE] = None,
    seed: Annotated[int, typer.Option(help="Chooses the sample.")] = 0,
    judge: Annotated[bool, _JUDGE] = False,
    ragas: Annotated[Path | None, _RAGAS] = None,
    deepeval: Annotated[Path | None, _DEEPEVAL] = None,
) -> None:
    """Ask every question of a set, measure what comes back, and write a report."""
    from eval.run_command import run as measure

    with connected() as client:
        is_held = measure(
            client,
            questions=questions,
            dataset=dataset,
            app=app,
            against=against,
            mode=mode,
            against_mode=against_mode,
            k=k,
            fail_under=fail_under,
            out=out,
            sample=sample,
            seed=seed,
            judge=judge,
            ragas=ragas,
            deepeval=deepeval,
        )
    if not is_held:
        raise typer.Exit(1)


@evaluations.command("generate")
def generate(
    dataset: Annotated[str, typer.Option(help="Name of the dataset.")],
    out: Annotated[Path, typer.Option(help="The questions, as JSON Lines.")],
    count: Annotated[int, typer.Option(help="How many questions at most.", min=1)] = 100,
    seed: Annotated[int, typer.Option(help="Chooses the passages.")] = 0,
) -> None:
    """Make questions about a dataset's own documents, each answered by a passage of them."""
    from eval.generate.generating import generate as make

    with connected() as client:
        typer.echo(make(client, dataset, out, count=count, seed=seed))


@evaluations.command("import")
def import_set(
    source: Annotated[Path, typer.Argument(help="A file or folder.", metavar="SOURCE")],
    out: Annotated[Path, typer.Option(help="A new folder.")],
    form: Annotated[str | None, typer.Option(help="Its form, if it is not told.")] = None,
) -> None:
    """Bring a published question set into our form: questions.jsonl and documents/."""
    from eval.question_sets.forms import import_set as convert

    typer.echo(convert(source, out, form=form))
