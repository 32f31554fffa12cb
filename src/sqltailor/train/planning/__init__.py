"""What a training will take, worked out before any weight is loaded."""
