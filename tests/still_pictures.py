"""Small photographs for tests of the studio."""

import numpy as np
from clips import texture
from PIL import Image, ImageCms

PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
ORIENTATION = 0x0112


def photograph(width=160, height=112, seed=0):
    """A picture in colours, with something bright to the right."""
    planes = np.stack([texture(width, height, seed + one) for one in range(3)], axis=2)
    grey = planes.mean(axis=2, keepdims=True)
    pixels = (0.7 * grey + 0.3 * planes).astype(np.uint8)
    pixels[height // 4 : height // 2, width * 5 // 8 : width * 7 // 8] = (240, 200, 40)
    return Image.fromarray(pixels)


def write_holiday(folder):
    """Write a.png, b.png, broken.jpg, and turned.jpg: b.png as a camera stores it, with a colour profile."""
    photograph().save(folder / "a.png")
    photograph(seed=5).save(folder / "b.png")
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    photograph(seed=5).rotate(90, expand=True).save(
        folder / "turned.jpg", quality=95, exif=exif, icc_profile=PROFILE
    )
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 cut off")
