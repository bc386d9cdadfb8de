"""Measurements of the kit of several machines."""
