"""The endpoints, one file per noun. An endpoint parses, calls and returns; it decides nothing."""
