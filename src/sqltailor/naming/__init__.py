"""The meaning of tables, columns and stored values, and what people call them."""
