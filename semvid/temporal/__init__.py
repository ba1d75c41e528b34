"""What happens from frame to frame: motion, cuts, and maps carried along."""
