"""Export a run for PEFT, transformers, llama.cpp or the Hub, and compare it with what was trained."""
