"""`kb ask`: print an answer as it is written, then the sources by number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.connecting import connected
from kb.errors import Rejected, Unavailable

if TYPE_CHECKING:
    from client.http import Client


def ask(
    question: Annotated[str, typer.Argument(help="The question.")],
    app: Annotated[str | None, typer.Option(help="Slug of the app.")] = None,
    route: Annotated[str, typer.Option(help="base, tuned or auto.")] = "auto",
) -> None:
    """Stream the answer, then its numbered sources."""
    with connected() as client:
        sources: list[dict[str, Any]] = []
        path = f"/v1/apps/{app or _only_app(client)}/chat"
        for event, data in client.events("POST", path, {"query": question, "route": route}):
            match event:
                case "delta":
                    typer.echo(data["text"], nl=False)
                case "retrieval":
                    sources = data["sources"]
                case "run.failed":
                    typer.echo()
                    raise Unavailable(data["error"]["detail"])
                case "run.cancelled":
                    typer.echo()
                    raise Unavailable(f"The answer was cancelled: {data['reason']}.")
                case "run.completed":
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
