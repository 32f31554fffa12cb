"""How nano, the embedded base model, is made: data, tokenizer, training, evaluation. See README.md beside this file."""
