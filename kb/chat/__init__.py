"""From a question to a streamed answer: routing, prompting, citations and runs."""
