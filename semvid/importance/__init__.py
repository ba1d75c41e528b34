"""Where importance maps come from."""
