"""What both ends of a live stream share."""
