"""Dify's knowledge API: datasets and documents, as scripts that fill them call it."""
