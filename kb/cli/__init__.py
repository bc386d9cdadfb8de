"""What the `kb` command needs: an HTTP client of our own API, and ways to show things."""
