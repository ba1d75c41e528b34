"""Reports on a compressed video: one self-contained page, made from measurements that are also JSON."""
