"""What the lessons in tutorials/ share and that is not their subject.

    lesson.py     sizes (full, or small for tests), checked claims, the library's own source on show
    figure.py     the course's look: a colour and a hatch per block, sharp figures with captions and alt texts

    and a file for each kind of picture that explains:
    products.py   matrix products as rectangles, drawn to show which sizes must agree
    tiles.py      Winograd's tiles, patches and points
    passes.py     which arrays a layer's kernels read and write
    local_losses.py  a block with two local losses, and the gradients' way back

A lesson begins with

    from minilocal.course import check, show, sized, source, style
    style()
"""

from minilocal.course.figure import block_line, block_patch, show, style
from minilocal.course.lesson import check, sized, source

__all__ = ["block_line", "block_patch", "check", "show", "sized", "source", "style"]
