"""The page of a live stream, served by the stream itself."""
