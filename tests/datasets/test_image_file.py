import os
import random

import numpy as np
import pytest
from PIL import Image, ImageDraw

from minilocal.datasets.image_file import read_image
from minilocal.errors import InputError

RAW = (20, 20, 1)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "image.png"


@pytest.fixture
def drawing():
    """A grey image whose four corners differ."""
    image = Image.new("L", (20, 20), 10)
    draw = ImageDraw.Draw(image)
    for at, grey in (((0, 0), 80), ((12, 0), 160), ((0, 12), 240)):
        draw.rectangle((*at, at[0] + 7, at[1] + 7), fill=grey)
    return image


@pytest.mark.parametrize(("shape", "image_shape"), [(RAW, RAW), ((28, 28, 3), (32, 32, 3)), ((16, 24, 1), (16, 24, 1))])
def test_size_and_channels_become_those_of_the_data_set(path, drawing, shape, image_shape):
    drawing.save(path)
    assert read_image(path, shape, 255).shape == (1, *image_shape)


@pytest.mark.parametrize("white", [1, 255])
def test_white_is_that_of_the_data_set(path, drawing, white):
    drawing.save(path)
    np.testing.assert_allclose(read_image(path, RAW, white)[0, ..., 0], np.asarray(drawing) * (white / 255), rtol=1e-6)
    drawing.point(lambda grey: 255 * (grey > 99)).convert("1").save(path)
    assert np.unique(read_image(path, RAW, white)).tolist() == [0, white]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_is_turned_as_its_exif_data_says(path, drawing, orientation):
    """Cameras store the picture as the sensor saw it."""
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # orientation: the transposition that leads to the stored image
    stored = drawing.transpose(Image.Transpose(undo[orientation])) if orientation > 1 else drawing
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(path, exif=exif)
    np.testing.assert_array_equal(read_image(path, RAW, 255)[0, ..., 0], np.asarray(drawing))


@pytest.mark.parametrize(("ink", "invert"), [("black", True), ("white", False)])
def test_a_drawing_on_transparent_ground_is_white_on_black(path, ink, invert):
    image = Image.new("RGBA", (20, 20), (0, 0, 0, 0))
    ImageDraw.Draw(image).rectangle((5, 5, 9, 9), fill=ink)
    image.save(path)
    expected = np.zeros((20, 20))
    expected[5:10, 5:10] = 255
    np.testing.assert_array_equal(read_image(path, RAW, 255, invert)[0, ..., 0], expected)


@pytest.mark.parametrize("extension", ["png", "jpg", "gif", "bmp", "webp"])
def test_the_known_formats_are_read(tmp_path, drawing, extension):
    drawing.save(tmp_path / f"image.{extension}")
    np.testing.assert_allclose(
        read_image(tmp_path / f"image.{extension}", RAW, 255)[0, ..., 0], np.asarray(drawing), atol=40
    )


@pytest.mark.parametrize("kind", ["eps", "tiff", "dds", "ppm"])
def test_other_formats_are_refused_whatever_their_name(path, drawing, kind, monkeypatch):
    """Pillow would start Ghostscript on the content of an EPS file."""
    drawing.convert("RGB").save(path, format=kind)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(InputError, match=r"can't be read .*; name a PNG, JPEG, GIF, BMP or WebP file"):
        read_image(path, RAW, 255)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with names")
def test_a_pipe_is_refused_without_waiting(path):
    os.mkfifo(path)
    with pytest.raises(InputError, match=r"can't be read \(it is not a regular file\)"):
        read_image(path, RAW, 255)


def test_masks_with_1_for_white_are_refused(path):
    for mode in ("L", "RGB"):
        Image.fromarray(np.eye(20, dtype=np.uint8)).convert(mode).save(path)
        with pytest.raises(InputError, match="no pixel brighter than 1 of 255; save it with 255 for white"):
            read_image(path, RAW, 1)


@pytest.mark.parametrize("extension", ["png", "jpg", "gif", "bmp", "webp"])
def test_a_damaged_file_is_read_or_refused(tmp_path, drawing, extension):
    path, chance = tmp_path / f"image.{extension}", random.Random(0)
    drawing.save(path)
    whole = path.read_bytes()
    for _ in range(100):
        content = bytearray(whole[: chance.randrange(len(whole)) if chance.random() < 0.3 else None])
        for _ in range(chance.randrange(4) if content else 0):
            content[chance.randrange(min(len(content), 200))] = chance.randrange(256)
        path.write_bytes(content)
        try:
            pixels = read_image(path, RAW, 255)
        except InputError:
            continue
        assert pixels.shape == (1, *RAW)
        assert 0 <= pixels.min() <= pixels.max() <= 255
