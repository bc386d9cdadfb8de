"""Rules that name the characters of a page that stay out of its search text."""
