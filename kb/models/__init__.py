"""Language and embedding models: everything behind `Embedder` and `ChatModel`.

Torch, sentence-transformers and LlamaIndex are imported only when a setting asks for them.
"""
