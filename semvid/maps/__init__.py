"""Importance maps in files: semvid's own, and those of other encoders."""
