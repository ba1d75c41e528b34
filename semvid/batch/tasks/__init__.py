"""What is done with one source, and the processes that do it."""
