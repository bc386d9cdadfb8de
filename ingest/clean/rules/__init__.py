"""The cleaning rules, each a small generator that yields the characters it keeps out of searches.

A rule changes nothing and knows no other rule; `ingest.clean.cleaning` puts them together.
"""
