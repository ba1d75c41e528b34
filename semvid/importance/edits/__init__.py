"""What a user corrects in the maps of a video: places that matter, and places that do not."""
