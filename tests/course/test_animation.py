import base64
import io

import matplotlib.pyplot as plt
import pytest
from PIL import Image

from minilocal.course.animation import show_animation


@pytest.fixture
def shown(monkeypatch):
    plt.switch_backend("agg")
    calls = []
    monkeypatch.setattr("IPython.display.display", lambda bundle, raw, metadata=None: calls.append((bundle, metadata)))
    return calls


def frames(colours):
    for colour in colours:
        figure = plt.figure(figsize=(2, 1))
        figure.patch.set_facecolor(colour)
        yield figure


def test_frames_follow_one_another_and_the_first_stays_longest(shown):
    colours = ["#FF0000", "#00FF00", "#0000FF"]
    show_animation(frames(colours), "**Figure 1.** Colours.", alt="Red, green, blue.", seconds=0.1, first=2)
    (picture, metadata), (caption, _) = shown
    image = Image.open(io.BytesIO(base64.b64decode(picture["image/png"])))
    assert image.size == (240, 120)
    assert (image.n_frames, image.info["loop"]) == (3, 0)
    for number, (colour, duration) in enumerate(zip(colours, (2000, 100, 100), strict=True)):
        image.seek(number)
        assert "#{:02X}{:02X}{:02X}".format(*image.convert("RGB").getpixel((5, 5))) == colour
        assert image.info["duration"] == duration
    assert metadata == {"image/png": {"width": 200, "alt": "Red, green, blue."}}
    assert caption["text/markdown"].startswith("**Figure 1.** Colours.")
    assert not plt.get_fignums()
