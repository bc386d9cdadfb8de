"""Endpoints of fine-tuning: training sets, jobs, and what is made of them."""
