"""How much of a picture survived, and where: scores of frames, from arrays and from FFmpeg's filters."""
