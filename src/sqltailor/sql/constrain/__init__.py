"""What a local model may write: statements of the dialect that name only what exists and is granted."""
