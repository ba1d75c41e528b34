"""FFmpeg's encoders that take quantizer offsets per region."""
