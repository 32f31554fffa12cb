"""How a model does in use: time to answer, tokens a second, right answers, and what those cost."""
