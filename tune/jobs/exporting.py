"""No training: the files for a trainer elsewhere, in the job's folder."""

from __future__ import annotations

from kb.store.tuning.jobs import NewEvent
from tune.jobs.backends import Outcome, Work
from tune.rows import forms
from tune.rows.canonical import read_rows
from tune.rows.shapes import FormOptions

TARGETS = ("llama-factory", "axolotl")


class FilesBackend:
    """Writes the rows for LLaMA-Factory and Axolotl, with a job file for each."""

    def run(self, work: Work) -> Outcome:
        """As `Backend.run` says."""
        rows = [row for path in (work.train, work.valid) if path for row in read_rows(path)]
        events = []
        for target in TARGETS:
            written = forms.write(rows, target, FormOptions(model=work.model))
            folder = work.folder / "files" / target
            folder.mkdir(parents=True, exist_ok=True)
            for name, data in written.files.items():
                (folder / name).write_bytes(data)
            events += [NewEvent(each.detail, level="warn") for each in written.findings]
            made = {"folder": f"{work.job.id}/files/{target}", "files": sorted(written.files)}
            events.append(NewEvent(f"Files for {target} are written.", made))
        work.tell(events, {})
        return Outcome()
