"""Webhooks and the deliveries of their events in SQL."""
