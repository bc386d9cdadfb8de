"""How Dify says errors, numbers of pages and moments, whatever the operation."""
