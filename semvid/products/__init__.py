"""What semvid makes: videos, pictures, maps, overlays, comparisons and reports."""
