"""Commands about all that is kept: copying it elsewhere, and moving it."""
