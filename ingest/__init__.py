"""From a file to searchable chunks: sniff, read (in a sandbox), clean, split."""
