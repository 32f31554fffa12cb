"""The sample database, an outdoor shop with an old company's short names, and its hand-written questions."""
