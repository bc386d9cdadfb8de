"""Providers of language models: what is known of each, and which run on this machine."""
