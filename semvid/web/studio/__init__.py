"""The page of semvid studio: files are seen, corrected, tried and encoded."""
