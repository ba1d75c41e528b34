"""What there is to do and what came of it, in SQLite."""
