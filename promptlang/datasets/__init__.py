"""Sets of pictures to learn from, without torch: what is in them, what is said of it, and what is wrong with them."""
