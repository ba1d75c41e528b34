"""What semvid studio does, without its page: files of one folder, opened videos, and their maps."""
