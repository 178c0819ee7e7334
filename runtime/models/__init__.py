"""Base models: recognition, and loading from folders, single files and hubs."""
