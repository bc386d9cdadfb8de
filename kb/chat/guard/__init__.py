"""The prompt gate: an answer that would repeat the hidden prompt is stopped."""
