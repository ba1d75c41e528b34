"""Live sources: cameras, screens, files and networks."""
