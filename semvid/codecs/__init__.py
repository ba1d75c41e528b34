"""The encoders semvid steers, and what is known of each."""
