"""From a question to hits: two indexes, a fusion, and SQL's word on what is live."""
