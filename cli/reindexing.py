"""`kb reindex`: build a dataset's next generation, wait for it, switch to it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from typing import Any

from client.http import Client
from kb.errors import Rejected

LOOK_S = 0.5


def reindex(
    client: Client,
    dataset: dict[str, Any],
    *,
    embedder: str | None,
    clean: Sequence[str],
    split: Sequence[str],
) -> dict[str, Any]:
    """Begin the next generation; returns it.

    Args:
        clean: cleaning rules that are to change, as `rule=on` or `rule=off`.
        split: options of splitting that are to change, as `option=value`; if the mode changes, the
            others begin at their defaults.

    Raises:
        Rejected: an option is not of that form.
    """
    processing = dataset["processing"]
    rules = {name: _switch(name, value) for name, value in map(_pair, clean)}
    options = {name: _value(value) for name, value in map(_pair, split)}
    before = {} if "mode" in options else processing["split"]
    body = {
        "processing": {
            **processing,
            "clean": {**processing["clean"], **rules},
            "split": {**before, **options},
        },
        "embedder": embedder,
    }
    made: dict[str, Any] = client.send("POST", f"/v1/datasets/{dataset['id']}/reindex", body)
    return made


def wait(
    client: Client, made: dict[str, Any], on_progress: Callable[[dict[str, Any]], None]
) -> dict[str, Any]:
    """Return the generation when it is built; `on_progress` gets it as it is meanwhile."""
    path = f"/v1/datasets/{made['dataset_id']}/generations/{made['generation']}"
    while True:
        found: dict[str, Any] = client.get(path)
        on_progress(found)
        if found["status"] != "building":
            return found
        time.sleep(LOOK_S)


def _pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise Rejected(f"{text!r} is not a setting. Write it as name=value.")
    return name.strip(), value.strip()


def _switch(name: str, value: str) -> bool:
    known = {"on": True, "true": True, "off": False, "false": False}
    if value not in known:
        raise Rejected(f"The rule {name!r} is switched with {name}=on or {name}=off.")
    return known[value]


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
