"""What quantizers a file was coded with."""

import struct
from itertools import islice

import av
import numpy as np


def macroblock_qps(path, index=0):
    """``(rows, cols)`` quantizers of a picture, the first by default, as FFmpeg's decoder reads them."""
    with av.open(str(path)) as container:
        container.streams.video[0].codec_context.options = {"export_side_data": "venc_params"}
        frame = next(islice(container.decode(video=0), index, None))
    data = bytes(frame.side_data["VIDEO_ENC_PARAMS"])
    # struct AVVideoEncParams, then its blocks: x, y, w, h, and what is added to the picture's quantizer.
    count, start, size, _, base = struct.unpack_from("@IQQii", data)
    qps = np.zeros((frame.height // 16, frame.width // 16))
    for number in range(count):
        left, top, _, _, delta = struct.unpack_from("@5i", data, start + number * size)
        qps[top // 16, left // 16] = base + delta
    return qps
