"""Where live streams go: files, networks, pipes, a virtual camera."""
