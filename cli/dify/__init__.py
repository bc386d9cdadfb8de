"""Exports of Dify apps."""
