"""A client of the HTTP API, and our search as a retriever for LlamaIndex and LangChain."""
