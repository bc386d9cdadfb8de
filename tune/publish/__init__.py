"""Bringing a tuned model to where it is served."""
