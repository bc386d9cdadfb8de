"""Folding, terms, identifiers, sentences, languages: one way to look at text."""
