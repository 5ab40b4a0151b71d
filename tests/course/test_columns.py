import matplotlib.pyplot as plt
import numpy as np

from minilocal.course.columns import draw_columns


def test_rows_are_the_patches():
    plt.switch_backend("agg")
    figure = draw_columns(np.arange(1, 17).reshape(4, 4), k=3, padding=1, marked=[(2, 1)])
    texts = [text.get_text() for text in figure.axes[0].texts]
    rows = np.reshape(texts[36 : 36 + 16 * 9], (16, 9))  # after the cells of the padded image
    assert " ".join(rows[0]) == "0 0 0 0 1 2 0 5 6"
    assert " ".join(rows[9]) == "5 6 7 9 10 11 13 14 15"  # output pixel (2, 1)
    assert sum(not patch.get_fill() for patch in figure.axes[0].patches) == 3  # its window, row and result
    plt.close(figure)
