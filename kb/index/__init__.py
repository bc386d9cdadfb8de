"""The derived indexes: fed from SQL by one applier, checked against it, rebuilt from it."""
