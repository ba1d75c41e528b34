"""VP8 and VP9."""
