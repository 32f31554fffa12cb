"""People mark the answers of an evaluation, beside execution; what they correct becomes examples."""
