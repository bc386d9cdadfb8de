"""The trainer: a child process that a job folder tells what to do, and that tells what happens.

    python -m tune.trainers JOBFOLDER

It imports little of ours but `tune.types` and `tune.rows.canonical`, so that it runs in an
environment of its own. docs/using/tuning.md describes the folder.
"""
