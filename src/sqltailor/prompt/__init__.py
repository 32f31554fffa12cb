"""Examples as prompts: their text, their token ids, hints, and the SQL in an answer."""
