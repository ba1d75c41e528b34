"""What semvid studio does, without its page: files of one folder, opened videos, their maps, trials, and the queue."""
