"""Importance maps in files: semvid's own, pictures, arrays, boxes, and those of other encoders."""
