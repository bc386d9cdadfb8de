"""Dify's API."""
