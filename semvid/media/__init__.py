"""Pictures and files as FFmpeg and Pillow know them."""
