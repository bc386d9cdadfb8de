"""The vector index on a Chroma server, for more than one process."""
