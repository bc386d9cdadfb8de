"""The Model Context Protocol: documents as tools and resources for agents."""
