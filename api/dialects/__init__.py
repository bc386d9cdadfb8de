"""The protocols that existing clients speak: a small encoder for each, over the one way to ask.

Nothing below `api/` knows a dialect.
"""
