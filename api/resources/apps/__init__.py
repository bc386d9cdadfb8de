"""Apps, their versions and models."""
