"""Commands on access keys. A secret is printed once, alone on its line, for scripts to read."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cli.printing import AsJson, Connect, add_quota, show_list


def add_to(keys: typer.Typer, connect: Connect) -> None:
    """Add the commands to `kb keys`; `connect` opens a client for each."""
    _add_create(keys, connect)
    _add_upkeep(keys, connect)
    add_quota(keys, connect, lambda _, key_id: f"/v1/keys/{key_id}")


def _add_create(keys: typer.Typer, connect: Connect) -> None:
    @keys.command()
    def create(
        kind: Annotated[str, typer.Option(help="admin, dataset, app or widget.")],
        dataset: Annotated[list[str], typer.Option(help="Id of a dataset it may use.")] = [],  # noqa: B006
        app_slug: Annotated[str | None, typer.Option("--app", help="App it may chat with.")] = None,
        name: Annotated[str, typer.Option(help="What it is for.")] = "",
        origin: Annotated[list[str], typer.Option(help="Page a widget key is good on.")] = [],  # noqa: B006
    ) -> None:
        """Make a key; it, and the signing secret of a widget in a second line, is shown once."""
        opened = {"dataset_ids": dataset or None, "app": app_slug, "origins": origin or None}
        body = {"kind": kind, "name": name, **opened}
        with connect() as client:
            made = client.send("POST", "/v1/keys", {k: v for k, v in body.items() if v is not None})
        _show_once(made)


def _add_upkeep(keys: typer.Typer, connect: Connect) -> None:
    @keys.command("list")
    def list_keys(as_json: AsJson = False) -> None:
        """Show the keys, without their secrets."""
        show_list(connect, "/v1/keys", ("id", "kind", "name", "created_at"), as_json=as_json)

    @keys.command()
    def rotate(
        key_id: str,
        grace_s: Annotated[
            int, typer.Option("--grace", help="Seconds for which the old secret stays good.")
        ] = 0,
    ) -> None:
        """Give a key a new secret, shown as `create` does; the old one ends, by default at once."""
        with connect() as client:
            made = client.send("POST", f"/v1/keys/{key_id}/rotate", {"grace_s": grace_s})
        _show_once(made)

    @keys.command()
    def revoke(key_id: str) -> None:
        """End a key."""
        with connect() as client:
            client.send("DELETE", f"/v1/keys/{key_id}")

    @keys.command()
    def end_sessions() -> None:
        """End the sessions of all browsers, and the login link that was printed at start."""
        with connect() as client:
            client.send("DELETE", "/v1/sessions")


def _show_once(made: dict[str, Any]) -> None:
    typer.echo("\n".join(made[name] for name in ("key", "signing_secret") if name in made))
