"""Models that tell what a text is."""
