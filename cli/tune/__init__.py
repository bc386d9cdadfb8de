"""The commands `kb tune …`, one module a theme."""
