"""Commands that take over what other programs have exported."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.connecting import connected
from cli.printing import AsJson, show

if TYPE_CHECKING:
    from cli.dify.app import DifyApp
    from client.http import Client

SHOWN = ("name", "icon", "opening", "suggested_questions")

imports = typer.Typer(help="Take over apps of other programs.", no_args_is_help=True)


@imports.command()
def dify(
    path: Annotated[Path, typer.Argument(help="A Dify app's export.", exists=True, dir_okay=False)],
    slug: Annotated[str | None, typer.Option(help="The app's name in addresses.")] = None,
    dataset: Annotated[list[str], typer.Option(help="A dataset that it answers from.")] = [],  # noqa: B006
    as_json: AsJson = False,
) -> None:
    """Make an app of a Dify app's export, and say what could not be taken over."""
    from cli.dify.app import read_app

    found = read_app(path)
    with connected() as client:
        ids = [client.dataset(each)["id"] for each in dataset]
        _take_known_model(client, found)
        if found.datasets > len(ids):
            found.left.append(
                f"the documents of its datasets ({found.datasets}), which an export does not hold: "
                "upload them and add the datasets to the draft, or name them with --dataset"
            )
        made = _made(client, found, slug or _slug(found.name), ids)
    lines = [f"{made['slug']}: the draft is written, and not published yet"]
    lines += [f"  not taken over: {each}" for each in found.left]
    show({"app": made, "not_taken_over": found.left}, lines, as_json=as_json)


def _take_known_model(client: Client, found: DifyApp) -> None:
    """Its model, if one of that name is registered here."""
    if found.model in {each["name"] for each in client.every("/v1/models")}:
        found.draft["base"]["model"] = found.model
    elif found.model:
        found.left.append(f"the model {found.model!r}, which is not registered here")


def _made(client: Client, found: DifyApp, slug: str, ids: list[str]) -> dict[str, Any]:
    """The app with its draft, or neither of them. Raises RequestFailed."""
    from client.errors import ClientError

    shown = {name: getattr(found, name) for name in SHOWN}
    app: dict[str, Any] = client.send("POST", "/v1/apps", {"slug": slug, **shown})
    try:
        client.send("PUT", f"/v1/apps/{app['id']}/draft", {**found.draft, "dataset_ids": ids})
    except ClientError:
        client.send("DELETE", f"/v1/apps/{app['id']}")
        raise
    return app


def _slug(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:63].strip("-") or "dify-app"
