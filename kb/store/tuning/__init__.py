"""Rows of fine-tuning: training sets, jobs, events, and the models that were made."""
