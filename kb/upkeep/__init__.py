"""What keeps a data folder sound: checks, erasure, backup, restoring, re-indexing."""
