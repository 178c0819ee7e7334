"""The meaning of a prompt: expansions of templates, segments, intervals of steps, and chunks."""
