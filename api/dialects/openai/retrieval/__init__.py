"""OpenAI's files and vector stores: a vector store is a dataset, its files are documents."""
