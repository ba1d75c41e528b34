"""The page that compares a compressed still with what other coders make of it in as many bytes."""
