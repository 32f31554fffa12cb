"""What tables, columns and stored values mean and what people call them."""
