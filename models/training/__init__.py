"""The recipe that made the weights: ``python -m semvid.models.training.train``. Not used by the library."""
