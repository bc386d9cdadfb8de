"""The `kb` command: a client of the HTTP API."""
