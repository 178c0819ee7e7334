"""Training pictures and captions without torch: how they are found, measured and checked."""
