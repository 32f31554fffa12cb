"""Tuned models on hosted endpoints, and what they cost."""
