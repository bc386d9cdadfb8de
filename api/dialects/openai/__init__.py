"""OpenAI's API: an app is a model."""
