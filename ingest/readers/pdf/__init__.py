"""Readers of PDF files, scans and pictures."""
