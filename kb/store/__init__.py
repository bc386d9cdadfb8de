"""SQL: the words, the embeddings and every state. One module per noun.

Functions take a transaction and a `Scope`; rows never leave this package, `kb.types` do.
Two modules speak for the machine, not for a caller, and take no scope: `jobs` and `index_ops`.
"""
