"""Rolling out a tuned variant: unseen, to a share, to all, and back by itself."""
