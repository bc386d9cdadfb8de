"""HTTP: what travels over the wire, and nothing else. Only here do FastAPI and Starlette appear."""
