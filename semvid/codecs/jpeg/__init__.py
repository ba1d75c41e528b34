"""Baseline JPEG whose coefficients are chosen block by block for what matters."""
