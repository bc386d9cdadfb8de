"""Readers of word processing and slides."""
