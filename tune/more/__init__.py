"""More data from little: rows that a language model makes up, for people to judge."""
