"""Keywords in a cluster: every process that searches has copies of its own, fed from one log."""
