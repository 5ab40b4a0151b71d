"""Raw images to network inputs, (N, H, W, C) uint8 or float to (n, H, W, C): shift, mirror, normalise in one pass.

      raw           shifted by (1, −1)          mirrored
    a b c d             0 e f g                 g f e 0
    e f g h    ──►      0 i j k        ──►      k j i 0   ──►   (pixel − mean) / deviation, channel by channel
    i j k l             0 0 0 0                 0 0 0 0

No shifted or mirrored image is ever written down: each output pixel looks up where it comes from.
"""

from __future__ import annotations

import numpy as np

from minilocal.compute.compilation import kernel


@kernel
def crop_flip_normalise(
    images: np.ndarray,
    which: np.ndarray,
    shifts: np.ndarray,
    flips: np.ndarray,
    mean: np.ndarray,
    inv_std: np.ndarray,
    out: np.ndarray,
) -> None:
    """Write images `which` of images (N, H, W, C), shifted, mirrored and normalised, to out (n, H, W, C).

    Shifting by (i, j) pixels and filling with black (0) is padding the raw image and cropping. Black is filled
    in before normalisation, so that a border looks like the dark background that it stands for.
    """
    _, height, width, channels = images.shape
    for n in range(which.size):
        image = images[which[n]]
        for p in range(height):
            i = p + shifts[n, 0]
            for q in range(width):
                j = (width - 1 - q if flips[n] else q) + shifts[n, 1]
                inside = 0 <= i < height and 0 <= j < width
                for c in range(channels):
                    raw = image[i, j, c] if inside else 0
                    out[n, p, q, c] = (raw - mean[c]) * inv_std[c]
