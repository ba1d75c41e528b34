"""Compresses many files: what there is to do, what was done, and the processes that do it."""
