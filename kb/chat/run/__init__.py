"""One answer in the making, its events, its citations and its record."""
