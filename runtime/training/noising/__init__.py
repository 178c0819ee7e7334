"""Noise of the training: schedules, kinds of noise, and random numbers by name."""
