"""Rows of evaluation: question sets, runs, and what became of each question."""
