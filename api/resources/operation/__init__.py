"""Keys, sessions, health and maintenance."""
