"""Trained weights to files: layouts, metadata, model folders."""
