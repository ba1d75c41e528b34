"""Pictures and media files, through FFmpeg and Pillow."""
