"""Live video: in from cameras and networks, out with little delay."""
