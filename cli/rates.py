"""Tables of rate differences, which ``compare --bd`` and ``bench`` print."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from rich.table import Table

if TYPE_CHECKING:
    from semvid.scores.bd_rate import BdRate

NAMES = {
    "psnr": "PSNR", "whole": "PSNR of luma", "ssim": "SSIM", "xpsnr": "XPSNR", "vmaf": "VMAF",
    "weighted": "PSNR weighted by the map", "salient": "PSNR where it matters",
    "background": "PSNR elsewhere",
}  # fmt: skip


def percent(share: float) -> str:
    """Format a share of bytes as a signed percentage; a dash if it is unknown."""
    return "-" if math.isnan(share) else f"{100 * share:+.1f} %"


def rate_table(rates: Mapping[str, BdRate]) -> Table:
    """Draw the rate differences of all measures."""
    table = Table("at equal", "bytes", "overlap", "from", "to", box=None)
    for name, one in rates.items():
        ends = (f"{end:.4f}" if name == "ssim" else f"{end:.2f}" for end in (one.low, one.high))
        table.add_row(
            NAMES.get(name, name),
            percent(one.change),
            f"{one.overlap:.0%}",
            *(("", "") if math.isnan(one.change) else ends),
        )
    return table
