"""What the lessons in tutorials/ share, apart from their subject.

    lesson.py     sizes (full, or small for tests), checked claims, the library's own source, captions of figures
    figure.py     the course's look: a colour and a hatch per block, sharp figures with captions and alt texts
    charts.py     images, curves, bars and tables
    captions/     every figure's caption and alt text, a file per lesson

    and a file for each kind of picture:
    products.py   matrix products as rectangles, to show which sizes must agree
    columns.py    im2col: the patches of an image and the rows of `cols` that they become
    blocks.py     a network's layers in a row, its blocks' classifiers, and how far each gradient goes
    gradient_paths.py   the paths of gradients in each epoch, complete or as the frames of an animation

    animation.py  animations made of figures
    work.py       the products of a step as areas, blank if they are saved
    traffic.py    words that travel between a chip and its memory, as arrows
    jobs.py       which job of a pipeline waits for which
    timeline.py   when each worker was busy with which job
    probes.py     a frozen network with a probe on every layer
    moments.py    what is in memory at each moment of a step
    tiles.py      Winograd's tiles, patches and points
    passes.py     which arrays a layer's kernels read and write
    local_losses.py  a block with two local losses, and the gradients' way back

A lesson begins with

    from minilocal.course import check, figures, sized, source
    show = figures(LESSON)
"""

from minilocal.course.figure import block_line, block_patch, show, style
from minilocal.course.lesson import check, figures, sized, source

__all__ = ["block_line", "block_patch", "check", "figures", "show", "sized", "source", "style"]
