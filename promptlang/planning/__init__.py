"""A checked program to a plan: defaults filled in, names resolved, a step for each output."""
