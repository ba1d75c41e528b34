"""Follows what a user marked."""
