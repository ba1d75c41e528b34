"""Reads still pictures and their metadata."""
