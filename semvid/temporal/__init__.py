"""What follows from one frame to the next: motion, cuts, and maps carried along."""
