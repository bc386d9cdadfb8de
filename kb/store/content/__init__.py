"""Datasets, documents, chunks and vectors in SQL."""
