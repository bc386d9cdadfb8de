"""Training rows in every form that they come and go in."""
