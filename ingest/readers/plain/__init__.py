"""Readers of plain text and of tables, records and code in plain text."""
