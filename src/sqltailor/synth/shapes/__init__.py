"""What the sampled queries look like: one function for each shape, from lists to windows."""
