"""The meaning of a prompt: expansion of templates, weights, schedules, chunks of tokens."""
