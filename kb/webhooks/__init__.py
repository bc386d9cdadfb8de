"""Telling webhooks what has happened: signed, again and again until they have it."""
