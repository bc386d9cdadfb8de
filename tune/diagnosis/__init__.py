"""What a loss curve says, in words, and which parameters suit a set and a model."""
