"""Encoders of FFmpeg that take quantizer offsets per region."""
