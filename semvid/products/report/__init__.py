"""Show what became of a video: a page of one file, made from measurements anyone can read as JSON."""
