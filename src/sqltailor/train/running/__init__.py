"""One stage of a training while it runs: model, trainer, checkpoints, progress."""
