"""The meaning of tables, columns and stored values, and the words that people use for them."""
