"""Checks, erasures and snapshots in SQL."""
