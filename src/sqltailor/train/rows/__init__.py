"""From files to batches: examples read, encoded as token ids, and collated."""
