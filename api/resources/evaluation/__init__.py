"""Endpoints of evaluation: question sets, runs of them, scores."""
