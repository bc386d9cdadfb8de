"""Keys, secrets, usage, and idempotent requests in SQL."""
