"""Optimizers, learning rates, averages, and the precision of what is trained."""
