"""The state of a training on disk: checkpoints, optimizer state, fingerprint, metrics."""
