"""Writes complete files or none, with everything besides the picture that they can hold."""
