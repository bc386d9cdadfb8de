"""Commands on access keys. A secret is printed once, alone on its line, for scripts to read."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cli.connecting import connected
from cli.printing import AsJson, Limits, show, show_list, show_quota

keys = typer.Typer(help="Access keys.", no_args_is_help=True)


@keys.command()
def create(
    kind: Annotated[str, typer.Option(help="admin, dataset, app, widget or metrics.")],
    dataset: Annotated[list[str], typer.Option(help="Id of a dataset it may use.")] = [],  # noqa: B006
    app_slug: Annotated[str | None, typer.Option("--app", help="App it may chat with.")] = None,
    name: Annotated[str, typer.Option(help="What it is for.")] = "",
    origin: Annotated[list[str], typer.Option(help="Page a widget key is good on.")] = [],  # noqa: B006
) -> None:
    """Make a key; it, and the signing secret of a widget in a second line, is shown once."""
    opened = {"dataset_ids": dataset or None, "app": app_slug, "origins": origin or None}
    body = {"kind": kind, "name": name, **opened}
    with connected() as client:
        made = client.send("POST", "/v1/keys", {k: v for k, v in body.items() if v is not None})
    _show_once(made)


@keys.command("list")
def list_keys(as_json: AsJson = False) -> None:
    """Show the keys, without their secrets."""
    show_list("/v1/keys", ("id", "kind", "name", "created_at"), as_json=as_json)


@keys.command()
def rotate(
    key_id: str,
    grace_s: Annotated[
        int, typer.Option("--grace", help="Seconds for which the old secret stays good.")
    ] = 0,
) -> None:
    """Give a key a new secret, shown as `create` does; the old one ends, by default at once."""
    with connected() as client:
        made = client.send("POST", f"/v1/keys/{key_id}/rotate", {"grace_s": grace_s})
    _show_once(made)


@keys.command()
def revoke(key_id: str) -> None:
    """End a key."""
    with connected() as client:
        client.send("DELETE", f"/v1/keys/{key_id}")


@keys.command()
def quota(key_id: str, limit: Limits = []) -> None:  # noqa: B006
    """Show what may be kept and brought in, and what is; or set limits of it."""
    with connected() as client:
        show_quota(client, f"/v1/keys/{key_id}", limit)


@keys.command()
def end_sessions() -> None:
    """End the sessions of all browsers, and the login link that was printed at start."""
    with connected() as client:
        client.send("DELETE", "/v1/sessions")


def usage(
    by: Annotated[str, typer.Option(help="app, key, user, model, variant or day.")] = "day",
    app_slug: Annotated[str | None, typer.Option("--app", help="Only of this app.")] = None,
    since: Annotated[str | None, typer.Option(help="First day, as 2026-05-31.")] = None,
    until: Annotated[str | None, typer.Option(help="Last day.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show answers, tokens and cost, and which budgets are nearly used up."""
    asked = {"by": by, "app": app_slug, "since": since, "until": until}
    with connected() as client:
        given = {k: v for k, v in asked.items() if v is not None}
        found = list(client.every("/v1/usage", **given))
        near = [each for each in client.get("/v1/budgets")["data"] if each["state"] != "good"]
    rows = [{k: v for k, v in row.items() if v is not None} for row in found]
    lines = ["  ".join(f"{k}={v}" for k, v in row.items()) for row in rows]
    told = "{state}: {spent:g} of {amount:g} {unit} a {period}, {of} {id}, until {resets_at}"
    show(
        {"by": by, "data": found},
        [*lines, *(told.format_map(each) for each in near)],
        as_json=as_json,
    )


def _show_once(made: dict[str, Any]) -> None:
    typer.echo("\n".join(made[name] for name in ("key", "signing_secret") if name in made))
