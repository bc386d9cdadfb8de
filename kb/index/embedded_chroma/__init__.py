"""The vector index in the embedded Chroma, and all that only tames it."""
