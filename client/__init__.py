"""A client of the HTTP API, and our search as a retriever for LlamaIndex, LangChain and
Haystack.

A wheel of its own, `citewell-client` with the package `citewell_client`; in the server's tree it is
the package `client`. So modules here import each other relatively, and nothing else of ours.
"""
