"""Samplers of queries: one function a shape, from lists to windows."""
