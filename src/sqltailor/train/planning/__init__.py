"""Plan a training before any weight is loaded."""
