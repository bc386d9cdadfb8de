"""Training sets on the server: versions, and what an app gives them."""
