"""From a question to a run: checks, routing, the hidden prompt, the model."""
