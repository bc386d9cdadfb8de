"""Jobs, batches, uploads and index operations in SQL."""
