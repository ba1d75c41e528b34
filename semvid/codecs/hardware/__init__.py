"""Encoders in graphics chips, through FFmpeg: data, an encoder, and a trial on the user's machine."""
