"""What semvid studio does, without its page: files of a folder, opened videos, maps, trials, the queue."""
