"""Our search as a part for other frameworks: one small adapter each.

    from citewell_client.retrievers.llama_index import KnowledgeBaseRetriever  # or .langchain
    from citewell_client.retrievers.passages import over_http

    retriever = KnowledgeBaseRetriever(over_http("http://127.0.0.1:8000", key, "handbook"))

Only an adapter imports its framework.
"""
