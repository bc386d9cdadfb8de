"""Apps, models, conversations and feedback in SQL."""
