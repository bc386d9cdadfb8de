"""Wire models of requests, one file per noun. A field that is not known is refused by name."""
