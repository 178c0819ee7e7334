"""Base models: recognition, loading from folders, single files and hubs, and one file for each family."""
