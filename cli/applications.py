"""Commands on apps: their list, the fine-tune switch of one, and its versions; and on models."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.connecting import connected
from cli.printing import AsJson, print_json, show, show_list
from kb.errors import Rejected

if TYPE_CHECKING:
    from client.http import Client

Slug = Annotated[str, typer.Argument(help="Slug or id of an app.", metavar="APP")]
Number = Annotated[int, typer.Argument(help="Number of a version.")]

apps = typer.Typer(help="Chat applications.", no_args_is_help=True)
models = typer.Typer(help="Language models.", no_args_is_help=True)


@apps.command("list")
def list_apps(as_json: AsJson = False) -> None:
    """Show the apps."""
    show_list("/v1/apps", ("slug", "name", "version"), as_json=as_json)


@apps.command()
def route(
    app: Slug,
    mode: Annotated[str, typer.Argument(help="base, tuned or split.")],
    percent: Annotated[int, typer.Option(help="Share of tuned in split mode.")] = 0,
) -> None:
    """Turn the switch between the base and the fine-tuned variant."""
    with connected() as client:
        path = f"/v1/apps/{app}/route"
        print_json(client.send("PUT", path, {"mode": mode, "percent": percent}))


@apps.command()
def versions(app: Slug, as_json: AsJson = False) -> None:
    """Show the published versions of an app, a star marks the one that answers."""
    with connected() as client:
        answering = client.get(f"/v1/apps/{app}")["version"]
        found = client.get(f"/v1/apps/{app}/versions")["data"]
    marks = {answering: "*"}
    lines = (f"{marks.get(n := v['version'], ' ')} {n}  {v['created_at']}" for v in found)
    show(found, lines, as_json=as_json)


@apps.command()
def compare(
    app: Slug,
    first: Number,
    second: Annotated[str, typer.Argument(help="Number of another version, or `draft`.")] = "draft",
    as_json: AsJson = False,
) -> None:
    """Show what differs between two versions, or between a version and the draft."""
    with connected() as client:
        query = {"from": first, "to": second}
        found = client.get(f"/v1/apps/{app}/versions/compare", **query)["differences"]
    show(found, map(_described, found), as_json=as_json)


@apps.command()
def rollback(app: Slug, version: Number) -> None:
    """Let an earlier version answer again."""
    with connected() as client:
        client.send("POST", f"/v1/apps/{app}/rollback", {"version": version})
    typer.echo(f"{app}: version {version} answers")


@models.command("list")
def list_models(as_json: AsJson = False) -> None:
    """Show the registered models."""
    show_list("/v1/models", ("name", "provider", "model"), as_json=as_json)


@models.command()
def discover(
    use: Annotated[bool, typer.Option("--use", help="Test one and make it the default.")] = False,
    model: Annotated[str | None, typer.Option(help="The one to use; else the first.")] = None,
    as_json: AsJson = False,
) -> None:
    """Find Ollama, llama.cpp, LM Studio and vLLM at the usual ports of the server's machine."""
    with connected() as client:
        found = client.get("/v1/models/discover")["data"]
        lines = [
            f"{each['title']} at {each['base_url']}: {', '.join(each['models']) or each['detail']}"
            for each in found
        ]
        show(found, lines or ["No model server was found on this machine."], as_json=as_json)
        if use:
            _use(client, found, model)


def _use(client: Client, found: list[dict[str, Any]], wanted: str | None) -> None:
    """Register a model that was found, test it, and make it the default if it answers."""
    fitting = [
        (server, name)
        for server in found
        for name in server["models"]
        if (name == wanted if wanted else not _NO_CHAT.search(name))
    ]
    if not fitting:
        what = wanted or "A model that writes"
        raise Rejected(f"{what} was not found: start its server and load it first.")
    server, model = fitting[0]
    short = re.sub("[^A-Za-z0-9._:-]", "-", model.rpartition("/")[2])
    name = f"{server['provider']}:{short}"[:100]
    body = {"provider": server["provider"], "base_url": server["base_url"], "model": model}
    if any(each["name"] == name for each in client.every("/v1/models")):
        client.send("PATCH", f"/v1/models/{name}", body)
    else:
        client.send("POST", "/v1/models", {"name": name, **body})
    tested = client.send("POST", f"/v1/models/{name}/test")
    for check in tested["checks"]:
        typer.echo(f"{check['status']:8}{check['detail']}", err=True)
    if not tested["ok"]:
        raise Rejected(tested["error"])
    client.send("PUT", "/v1/models/default", {"name": name})
    typer.echo(f"{name} is the default model", err=True)


_NO_CHAT = re.compile("embed|rerank|bge-|whisper", re.IGNORECASE)
"""Names of models that write no answers."""


def _described(difference: dict[str, Any]) -> str:
    if "diff" in difference:
        return f"{difference['field']}:\n{difference['diff']}"
    before, after = (json.dumps(difference[side], ensure_ascii=False) for side in ("from", "to"))
    return f"{difference['field']}: {before} -> {after}"
