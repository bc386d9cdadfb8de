"""Datasets, their documents and generations."""
