"""A batch on a Ray cluster: workers on its nodes, and files for those that do not see them."""
