"""Query logs: entries read from files or a server, cleaned, their placeholders filled."""
