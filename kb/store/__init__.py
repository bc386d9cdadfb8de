"""SQL: the words, the embeddings and every state. One module per noun.

Functions take a transaction; rows never leave this package, frozen types do. An id that comes from
outside goes to a function that takes the caller's `Scope` first; functions without a scope work for
the machine, or take an id that such a function has found.
"""
