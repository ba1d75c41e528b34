"""Networks that make importance maps. They know tensors, nothing of video.

A network is any object with the interface of ``semvid.importance.predictor.Network``;
``semvid.importance.predictor.NetworkSource`` shows it the frames of a video.
"""
