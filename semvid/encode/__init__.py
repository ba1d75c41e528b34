"""Encoders as data, and the way a map gets into them."""
