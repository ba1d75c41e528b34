"""What sources and sinks of a live stream share."""
