"""The training objective: losses, their weighting by timestep, prior preservation."""
