"""From raw images to network inputs in one pass: crop, flip and normalise.

      raw           shifted by (1, −1)          flipped
    a b c d             0 e f g                 g f e 0
    e f g h    ──►      0 i j k        ──►      k j i 0   ──►   (pixel − mean) / deviation, channel by channel
    i j k l             0 0 0 0                 0 0 0 0

No shifted or flipped image is ever written to memory: each output pixel looks up where it comes from. Instead of black
(0), a border may show the image mirrored at its outermost pixels: e f g h above a b c d, and f e before it.
"""

from __future__ import annotations

from minilocal.compute.compilation import Array, kernel


@kernel
def crop_flip_normalise(
    images: Array, which: Array, shifts: Array, flips: Array, mirror: bool, mean: Array, inv_std: Array, out: Array
) -> None:
    """Write the images numbered `which`, shifted, flipped and normalised, to out (n, H, W, C).

    images is (N, H, W, C), uint8 or floating-point; which (n,), shifts (n, 2) in pixels and flips (n,) say what to do
    with each; mean and inv_std are (C,). Shifting an image by (i, j) and filling with black (0) is the same as padding
    it and cropping. The fill comes before normalisation, so that a border looks like a dark background. With `mirror`,
    shifts must be less than the image's sides.
    """
    _, height, width, channels = images.shape
    for n in range(which.size):
        image = images[which[n]]
        for p in range(height):
            i = p + shifts[n, 0]
            if mirror:
                i = mirrored(i, height)
            for q in range(width):
                j = (width - 1 - q if flips[n] else q) + shifts[n, 1]
                if mirror:
                    j = mirrored(j, width)
                inside = 0 <= i < height and 0 <= j < width
                for c in range(channels):
                    raw = image[i, j, c] if inside else 0
                    out[n, p, q, c] = (raw - mean[c]) * inv_std[c]


@kernel
def mirrored(i: int, size: int) -> int:
    """Return which of `size` pixels place i shows: itself, or its mirror image at the first or the last pixel."""
    return size - 1 - abs(size - 1 - abs(i))
