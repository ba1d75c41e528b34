"""A film in parts: where it is divided, how it is asked for as a whole, and how its parts are joined."""
