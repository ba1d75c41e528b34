"""AV1 by SVT-AV1, driven past FFmpeg's wrapper, which drops maps."""
