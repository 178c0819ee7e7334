"""A checked program to a plan: defaults filled in, names resolved, one step for each thing to make."""
