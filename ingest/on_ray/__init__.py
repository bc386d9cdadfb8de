"""The heavy work of a worker on a cluster of Ray: nothing else knows Ray, and it keeps nothing."""
