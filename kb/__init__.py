"""A knowledge base and its apps: no HTTP, no file formats."""
