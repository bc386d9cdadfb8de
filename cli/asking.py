"""`kb ask`: print an answer as it is written, then the sources by number."""

from __future__ import annotations

from typing import Any

import typer

from client.http import Client
from kb.errors import Rejected, Unavailable


def ask(client: Client, question: str, *, app_slug: str | None, route: str) -> None:
    """Stream one answer to the terminal.

    Raises:
        Rejected: no app is named, and there is not exactly one.
        Unavailable: the run failed or was cancelled.
    """
    slug = app_slug or _only_app(client)
    sources: list[dict[str, Any]] = []
    body = {"query": question, "route": route}
    for event, data in client.events("POST", f"/v1/apps/{slug}/chat", body):
        if event == "delta":
            typer.echo(data["text"], nl=False)
        elif event == "retrieval":
            sources = data["sources"]
        elif event == "run.failed":
            typer.echo()
            raise Unavailable(data["error"]["detail"])
        elif event == "run.cancelled":
            typer.echo()
            raise Unavailable(f"The answer was cancelled: {data['reason']}.")
        elif event == "run.completed":
            _print_end(data, sources)


def _print_end(data: dict[str, Any], sources: list[dict[str, Any]]) -> None:
    typer.echo()
    cited = {citation["n"] for citation in data["citations"]}
    shown = [source for source in sources if source["n"] in cited]
    for source in shown:
        typer.echo(f"[{source['n']}] {source['document_name']}, page {source['page']}")
    route = data["route"]
    reason = route["reason"].removesuffix(f", {route['model']}")  # "default, extractive"
    models = " → ".join(filter(None, (route.get("draft_model"), route["model"])))
    typer.echo(f"({route['variant']}, {models}, {reason})", err=True)


def _only_app(client: Client) -> str:
    slugs = [app["slug"] for app in client.every("/v1/apps") if app["version"]]
    if len(slugs) != 1:
        names = ", ".join(slugs) or "none is published"
        raise Rejected(f"Name the app with --app SLUG ({names}).")
    slug: str = slugs[0]
    return slug
