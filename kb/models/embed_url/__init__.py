"""Embedders on other machines, asked over HTTP."""
