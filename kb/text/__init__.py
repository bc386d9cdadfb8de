"""Sentences, terms, languages: one way to look at text."""
