"""The workers that take a queued document to stored and indexed chunks."""
