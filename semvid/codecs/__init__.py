"""The encoders that semvid steers, and what it knows about each."""
