"""From a CSV to an app that is answered by a model tuned on it, with a page that streams.

    python examples/tuned/make.py story-teller --key ADMIN_KEY --model smollm2-135m

Needs a running server (`kb serve`) and, for the answers, `kb tune serve` beside it. Each step is
one call of the HTTP API, so this is also how to do it from a program of your own. Run again, it
makes a new version of the training set and tunes anew.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from client.errors import RequestFailed
from client.http import Client

HERE = Path(__file__).parent


def main() -> None:
    """Make the app that was asked for."""
    chosen = _arguments()
    folder = HERE / chosen.example
    app = json.loads((folder / "app.json").read_text(encoding="utf-8"))
    with Client(chosen.server, chosen.key) as client:
        name = tune(client, chosen.example, app, folder / "rows.csv", chosen)
        publish(client, chosen.example, app, name, chosen)
        key = client.send("POST", f"/v1/apps/{chosen.example}/keys", _widget(chosen.origin))["key"]
    config = {"server": chosen.server, "app": chosen.example, "key": key}
    config |= {part: app[part] for part in ("question", "button")}
    config["values"] = {each["name"]: each["default"] for each in app["inputs"]}
    (chosen.config or HERE / "config.json").write_text(json.dumps(config, indent=2))
    print(f"Serve {HERE} at {chosen.origin} and open it.")


def tune(
    client: Client, slug: str, app: dict[str, Any], rows: Path, chosen: argparse.Namespace
) -> str:
    """Bring in the rows, train on them, and return the name of the model."""
    with suppress(RequestFailed):  # it is there from the last time
        client.send("POST", "/v1/tuning/sets", {"name": slug})
    options = {
        "columns": {"question": app["question"], "answer": app["answer"]},
        "valid": chosen.valid,
    }
    path, told = f"/v1/tuning/sets/{slug}/versions", {"options": json.dumps(options)}
    version = client.send_file(path, rows, told)
    print(f"{version['rows']} rows: {version['splits']}")
    parameters = dict(each.split("=", 1) for each in chosen.set)
    wanted = {
        "model": chosen.model,
        "training_set": slug,
        "task": "completion",
        "suffix": slug,
        "hyperparameters": {name: json.loads(value) for name, value in parameters.items()},
    }
    job = client.send("POST", "/v1/tuning/jobs", wanted)
    for data in _events(client, job["id"]):
        job = data if "status" in data else job
        print(data.get("message") or data["status"], flush=True)
    if job["status"] != "succeeded":
        raise SystemExit(f"The job is {job['status']}: {job['error']}")
    print(f"The curve says: {job['diagnosis']['verdict']}")
    return str(job["fine_tuned_model"])


def publish(
    client: Client, slug: str, app: dict[str, Any], name: str, chosen: argparse.Namespace
) -> None:
    """An app whose base variant is told what to write, and whose tuned one was taught it."""
    with suppress(RequestFailed):
        client.send("POST", "/v1/apps", {"slug": slug, **_shown(app)})
    with suppress(RequestFailed):
        base = {"name": chosen.model, "model": chosen.model, "base_url": chosen.models}
        client.send("POST", "/v1/models", base)
    draft = {"prompt": app["prompt"], "inputs": app["inputs"]}
    draft["base"] = {"model": chosen.model, "retrieval": None, "max_tokens": 200}
    client.send("PUT", f"/v1/apps/{slug}/draft", draft)
    body = {"app": slug, "base_url": chosen.models, "max_tokens": 200}
    found = client.send("POST", f"/v1/tuning/models/{name}/publish", body)
    for warning in found.get("warnings", ()):
        print(f"Warning: {warning['detail']}")
    client.send("POST", f"/v1/apps/{slug}/publish")
    client.send("PUT", f"/v1/apps/{slug}/route", {"mode": "tuned"})


def _events(client: Client, job_id: str) -> Iterator[dict[str, Any]]:
    for _, data in client.events("GET", f"/v1/tuning/jobs/{job_id}/events"):
        yield data


def _shown(app: dict[str, Any]) -> dict[str, Any]:
    return {part: app[part] for part in ("name", "opening")}


def _widget(origin: str) -> dict[str, Any]:
    return {"kind": "widget", "origins": [origin]}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument(
        "example", choices=sorted(each.parent.name for each in HERE.glob("*/app.json"))
    )
    parser.add_argument("--key", required=True, help="an admin key")
    parser.add_argument("--model", default="smollm2-135m", help="base model to tune")
    parser.add_argument("--server", default="http://127.0.0.1:8000")
    parser.add_argument("--models", default="http://127.0.0.1:8100/v1", help="kb tune serve")
    parser.add_argument("--origin", default="http://127.0.0.1:8080", help="where the page is")
    parser.add_argument("--valid", type=float, default=0.2, help="share of rows to hold out")
    parser.add_argument("--set", action="append", default=[], help="NAME=VALUE of training")
    parser.add_argument("--config", type=Path, help="file to write for the page")
    return parser.parse_args()


if __name__ == "__main__":
    main()
