"""Facts that files state about themselves: pictures of several tools, and adapters.

Nothing in a file is trusted or executed.
"""
