"""How much of a picture survived, and where."""
