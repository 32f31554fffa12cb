"""Checks of examples and files: schema, parse, names, a run on the database, smells, trainers' rules."""
