"""`kb tune embedder` and `kb tune reranker`: tune the search on a dataset's own documents."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.connecting import connected
from cli.tune.app import tune
from cli.tune.jobs import followed

if TYPE_CHECKING:
    from client.http import Client

MADE = 500
Dataset = Annotated[str, typer.Option(help="Name of the dataset.")]
Questions = Annotated[Path | None, typer.Option(help="A question set about it, with places.")]
Base = Annotated[str, typer.Option(help="bundled, bundled-en, or a base model's folder.")]
Count = Annotated[int, typer.Option(help="Most questions to make of the documents.", min=0)]
Seed = Annotated[int, typer.Option(help="Of the training.")]


@tune.command("embedder")
def embedder(
    dataset: Dataset,
    questions: Questions = None,
    base: Base = "bundled",
    count: Count = MADE,
    seed: Seed = 0,
    build: Annotated[
        bool, typer.Option(help="Build the next generation if the verdict is to use it.")
    ] = True,
) -> None:
    """Tune an embedder on a dataset, say whether it pays, and build the next generation with it."""
    from tune.retrieval.verdict import is_better

    with connected() as client:
        found = client.dataset(dataset)
        job, measures = _trained(
            client, found, "embedder", questions, model=base, count=count, seed=seed
        )
        model = f"{job['id']}/model"
        if not is_better(measures):
            typer.echo(f"To build with it nevertheless: kb reindex {dataset} --embedder {model}")
        elif build:
            path = f"/v1/datasets/{found['id']}/reindex"
            made = client.send("POST", path, {"processing": found["processing"], "embedder": model})
            number = made["generation"]
            typer.echo(f"Generation {number} is being built with {model}. Then compare and switch:")
            typer.echo(f"  kb eval run SET --dataset {dataset}@{number} --against {dataset}")
            typer.echo(f"  kb datasets switch {dataset} {number}")


@tune.command("reranker")
def reranker(
    dataset: Dataset,
    questions: Questions = None,
    base: Base = "bundled",
    count: Count = MADE,
    seed: Seed = 0,
) -> None:
    """Tune a cross-encoder on a dataset, and say whether it pays."""
    with connected() as client:
        found = client.dataset(dataset)
        job, _ = _trained(client, found, "reranker", questions, model=base, count=count, seed=seed)
        typer.echo(f"To use it: KB_RERANK__MODEL={job['id']}/model")


def _trained(
    client: Client, dataset: dict[str, Any], task: str, questions: Path | None, **how: Any
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The job that was done, and what it measured; says the verdict."""
    from eval.question_sets.forms import load
    from kb.errors import Rejected
    from tune.retrieval.bases import hyperparameters
    from tune.retrieval.gathering import asked_of, chunks_of, passages_of, training_rows
    from tune.retrieval.verdict import verdict
    from tune.rows.canonical import bytes_of

    chunks = chunks_of(client, dataset["id"])
    passages = passages_of(chunks)
    given = load(questions).questions if questions else ()
    asked = asked_of(client, chunks, passages, given, count=how.pop("count"))
    rows = training_rows(client, dataset["id"], asked, passages)
    held_out = sum(row.split == "valid" for row in rows)
    typer.echo(f"{len(rows) - held_out} questions to train on, {held_out} held out.")
    file = client.keep(f"{dataset['name']}.jsonl", bytes_of(rows), "fine-tune")
    body = {**how, "training_file": file["id"], "task": task}
    body |= {"hyperparameters": hyperparameters(len(rows) - held_out)}
    job = client.send("POST", "/v1/tuning/jobs", body)
    measures: dict[str, Any] = {}

    def told(event: Mapping[str, Any]) -> None:
        if "recall@1_after" in event["data"]:
            measures.update(event["data"])
        elif sys.stderr.isatty():
            typer.echo(event["message"], err=True)

    job = followed(client, job["id"], told)
    if job["status"] != "succeeded":
        reason = (job["error"] or {}).get("detail") or f"it is {job['status']}."
        raise Rejected(f"The tuning job {job['id']} did not end well: {reason}")
    typer.echo(verdict(measures))
    return job, measures
