"""Evaluation in the server: question sets, runs as jobs of the queue, two runs side by side."""
