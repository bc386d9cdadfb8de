"""The trainer: a child process that a job folder tells what to do, and that tells what happens.

    python -m tune.trainers JOBFOLDER

It imports nothing of ours but `tune.types`, `tune.rows.canonical` and `tune.templates`, so that it
runs in an environment of its own. docs/using/tuning.md describes the folder.
"""
