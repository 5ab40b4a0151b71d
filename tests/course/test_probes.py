import matplotlib.pyplot as plt

from minilocal.course.probes import draw_probes


def test_every_layer_has_its_shape_and_a_probe():
    plt.switch_backend("agg")
    (axes,) = draw_probes([(8, 8, 16), (10,)], features=10).axes
    texts = [text.get_text() for text in axes.texts]
    assert {"$f_{1}$", "$f_{2}$", "$P_{1}$", "$P_{2}$", "8×8×16", "images"} <= set(texts)
    assert texts.count("10") == 3  # features of both probes, and the second layer's shape
    assert len(axes.lines) == 2  # a bar below each probe
    plt.close("all")
