"""Importance to quantizer offsets that cost no bits: arrays in, arrays out."""
