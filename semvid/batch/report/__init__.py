"""A page about all jobs of a batch."""
