"""Readers of word processing, spreadsheets and slides."""
