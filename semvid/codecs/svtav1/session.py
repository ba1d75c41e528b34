"""One encoder of SVT-AV1: opened by parameters, fed with samples and maps, emptied of packets."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from ctypes import addressof, byref, c_int16, c_void_p, create_string_buffer, sizeof, string_at
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semvid.codecs.svtav1.library import (
    ANY_PICTURE,
    EMPTY_QUEUE,
    END_OF_STREAM,
    KEY_PICTURE,
    MOST_SEGMENTS,
    ROI_MAP_EVENT,
    SUCCESS,
    Buffer,
    Library,
    Planes,
    PrivateData,
    RoiMap,
    packet_pointer,
    take_errors,
)  # fmt: skip
from semvid.codecs.svtav1.priority import kept_priorities, wait_for_rest
from semvid.codecs.svtav1.segments import Segments
from semvid.core.errors import ConfigError, EncoderError
from semvid.core.text import setting

_LOW_DELAY = {"1", "ld", "low-delay"}
"""Values of ``pred-struct``."""
_CONFIGURATION_BYTES = 8192
"""Beyond what the library's configuration takes: 664."""
_NEIGHBOUR = "tf-strength"
"""The parameter whose one byte comes right after the switch for maps."""


@dataclass(frozen=True, slots=True)
class Packet:
    """A temporal unit."""

    data: bytes
    number: int
    """Of the picture it shows."""
    is_key: bool


class Session:
    """One encode.

    Args:
        library: Its functions.
        parameters: By the library's names.

    Attributes:
        header: The sequence header, as an open bitstream unit.

    Raises:
        ConfigError: A parameter is unknown, or its value.
        EncoderError: The encoder refuses the whole.
    """

    def __init__(self, library: Library, parameters: Mapping[str, str]) -> None:
        self._handle, self._library = c_void_p(), library
        self._is_open = False
        self._threads: set[int] = set()
        # The library then waits for a packet whenever it is asked for one.
        self._waits = parameters.get("pred-struct") in _LOW_DELAY
        self._num_inside = 0
        self._maps: deque[tuple[int, Any]] = deque()
        configuration = create_string_buffer(_CONFIGURATION_BYTES)
        # Those of an encode that was broken off.
        take_errors()
        with kept_priorities():
            code = library.svt_av1_enc_init_handle(byref(self._handle), configuration)
        self._check(code, "could not start")
        try:
            for name, value in parameters.items():
                self._parse(configuration, name, value)
            configuration[self._switch_place(configuration)] = b"\1"
            self._check(library.svt_av1_enc_set_parameter(self._handle, configuration), "refuses its options")
            with kept_priorities() as self._threads:
                self._check(library.svt_av1_enc_init(self._handle), "could not start")
            self._is_open = True
            self.header = self._read_header()
        except (ConfigError, EncoderError):
            self.close()
            raise

    def _parse(self, configuration: Any, name: str, value: str) -> None:
        code = self._library.svt_av1_enc_parse_parameter(configuration, name.encode(), value.encode())
        if code != SUCCESS:
            take_errors()
            raise ConfigError(f"SVT-AV1 does not take {setting('encoder_options', f'{name}={value}')}")

    def _switch_place(self, configuration: Any) -> int:
        """Find the byte that switches maps on: the one before that of ``tf-strength``, and it is 0."""
        before = configuration.raw
        neighbours: set[int] = set()
        for value in ("1", "2"):
            probe = create_string_buffer(before, len(before))
            self._parse(probe, _NEIGHBOUR, value)
            pairs = enumerate(zip(before, probe.raw, strict=True))
            neighbours |= {place for place, (old, new) in pairs if old != new}
        place = min(neighbours, default=0) - 1
        if len(neighbours) != 1 or place < 0 or before[place] != 0:
            raise EncoderError(f"SVT-AV1 {self._library.version} has another layout than semvid knows")
        return place

    def _read_header(self) -> bytes:
        header = packet_pointer()
        self._check(self._library.svt_av1_enc_stream_header(self._handle, byref(header)), "has no header")
        data = string_at(header.contents.data, header.contents.filled)
        self._library.svt_av1_enc_stream_header_release(header)
        return data

    def send(
        self,
        planes: tuple[NDArray[np.generic], NDArray[np.generic], NDArray[np.generic]],
        number: int,
        *,
        is_key: bool,
        segments: Segments | None,
        quantizer: int = 0,
    ) -> None:
        """Hand a picture over; samples are copied.

        Args:
            planes: Y, Cb and Cr of 4:2:0 as ``(h, w)`` uint8, or uint16 of 10 bits; rows may be apart.
            number: Of the picture, in the order they are shown.
            is_key: A player must be able to begin here.
            segments: Its map, in force until another comes; None = there is no new one.
            quantizer: Its quantizer in 1..63, where ``use-q-file`` is 1; elsewhere it is not read.
        """
        if self._waits:
            # With little delay there is one record of a picture, used again for the next. Where its thread
            # has to wait for a core, SVT-AV1 4.1 reads it once more after the packet has come out, and a
            # picture sent before stops the encoder for good: one in a thousand on a machine that is busy.
            wait_for_rest(self._threads)
        strides = [one.strides[0] // one.itemsize for one in planes]
        layout = Planes(*(one.ctypes.data for one in planes), strides[0], strides[2], strides[1])
        picture = Buffer(
            size=sizeof(Buffer), data=addressof(layout), filled=sum(one.nbytes for one in planes),
            pts=number, qp=quantizer, picture_type=KEY_PICTURE if is_key else ANY_PICTURE,
        )  # fmt: skip
        if segments is not None:
            picture.private = self._map_of(segments, number)
        self._check(self._library.svt_av1_enc_send_picture(self._handle, byref(picture)), "failed")
        self._num_inside += 1

    def _map_of(self, segments: Segments, number: int) -> int:
        """Return the address of a map. The library keeps pointers to it for as long as it is in force."""
        blocks = create_string_buffer(segments.blocks, len(segments.blocks))
        offsets = (c_int16 * MOST_SEGMENTS)(*segments.offsets)
        event = RoiMap(0, addressof(blocks), offsets, len(segments.offsets) - 1, None)
        node = PrivateData(ROI_MAP_EVENT, addressof(event), sizeof(c_void_p), None)
        self._maps.append((number, (blocks, event, node)))
        return addressof(node)

    def packets(self, *, is_end: bool = False) -> Iterator[Packet]:
        """Yield what is ready, in the order it is shown; at the end, wait for all that is left.

        Args:
            is_end: No picture follows.
        """
        if is_end:
            last = Buffer(size=sizeof(Buffer), flags=END_OF_STREAM, picture_type=ANY_PICTURE)
            self._check(self._library.svt_av1_enc_send_picture(self._handle, byref(last)), "failed")
        while is_end or self._num_inside or not self._waits:
            packet = packet_pointer()
            code = self._library.svt_av1_enc_get_packet(self._handle, byref(packet), is_end)
            if code == EMPTY_QUEUE:
                return
            self._check(code, "failed")
            told = packet.contents
            flags = told.flags
            data = string_at(told.data, told.filled) if told.filled else b""
            found = Packet(data, told.pts, told.picture_type == KEY_PICTURE)
            self._library.svt_av1_enc_release_out_buffer(byref(packet))
            if data:
                self._num_inside -= 1
                self._let_go(found.number)
                yield found
            if flags & END_OF_STREAM:
                return

    def _let_go(self, shown: int) -> None:
        """Forget maps that no picture after this one is coded with: pictures are shown in order."""
        while len(self._maps) > 1 and self._maps[1][0] <= shown:
            self._maps.popleft()

    def close(self) -> None:
        """End the encoder, whatever it is doing."""
        if self._handle:
            if self._is_open:
                self._library.svt_av1_enc_deinit(self._handle)
            self._library.svt_av1_enc_deinit_handle(self._handle)
            self._handle = c_void_p()
        self._maps.clear()

    def __del__(self) -> None:
        # Whoever compares a picture or two leaves in the middle.
        self.close()

    def _check(self, code: int, what: str) -> None:
        if code != SUCCESS:
            told = take_errors() or f"code {code & 0xFFFFFFFF:#x}"
            raise EncoderError(f"SVT-AV1 {what}: {told}")
