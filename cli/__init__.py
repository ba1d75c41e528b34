"""The command line: parses, calls the library, draws. Installed as ``semvid.cli``."""
