"""Reads a video: every frame once, all streams on one clock."""
