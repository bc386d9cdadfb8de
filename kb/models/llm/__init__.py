"""Language models, and the extractive answerer."""
