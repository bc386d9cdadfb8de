"""What this server calls because it was told to."""
