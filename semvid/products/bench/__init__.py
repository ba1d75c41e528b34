"""Benchmarks on the user's own videos: plain encodes against those with maps, at several qualities."""
