"""Tuning the search on a dataset's own documents: pairs of questions and passages."""
