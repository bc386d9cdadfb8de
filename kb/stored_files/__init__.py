"""Stored files: bytes under a name, among the originals."""
