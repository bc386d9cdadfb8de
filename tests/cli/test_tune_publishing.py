"""`kb tune publish` and `kb tune rollout`: from a tuned model to an app, by a real server."""

from __future__ import annotations

import json
from pathlib import Path

from tests.api.serving import serving
from tests.cli.commands import kb_command
from tests.tuned import GOOD, NAME, store


def test_a_tuned_model_is_published_and_the_difference_printed(tmp_path: Path):
    report = tmp_path / "report.json"
    report.write_text(json.dumps(GOOD))
    with serving(tmp_path / "data") as served:
        served.kb.database.writing(store)
        served.new_app("stories")
        url = ("--base-url", "http://127.0.0.1:9/v1")
        done = kb_command(
            served, "tune", "publish", NAME, "--app", "stories", *url, "--report", str(report)
        )
        told = json.loads(done.output)
        assert told["model"]["base_url"] == "http://127.0.0.1:9/v1"
        assert {one["field"] for one in told["differences"]} >= {"tuned.model", "tuned.prompt"}
        assert "warnings" not in told
        unseen = json.loads(
            kb_command(served, "tune", "publish", NAME, "--app", "stories", *url).output
        )
        assert [one["code"] for one in unseen["warnings"]] == ["gate_not_met"]
        served.post("/v1/apps/stories/publish")
        begin = ("tune", "rollout", "stories", "--stage", "canary", "--report", str(report))
        assert json.loads(kb_command(served, *begin).output)["percent"] == 5
        assert json.loads(kb_command(served, *begin[:3]).output)["stage"] == "canary"
