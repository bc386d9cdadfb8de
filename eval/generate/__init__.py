"""Questions about a dataset's own documents, by a language model or without one."""
