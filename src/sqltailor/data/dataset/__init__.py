"""A data set from files: imported, deduplicated, split and exported, with its data card."""
