"""Queries in words, many ways for each."""
