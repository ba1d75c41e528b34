"""The stages of a run, and what drives them."""
