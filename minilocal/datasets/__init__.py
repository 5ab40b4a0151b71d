"""Data sets: images to train and test on, read, checked and downloaded.

`load("fashion-mnist-mini")` needs no download. The other data sets are downloaded once, by `python -m
minilocal.datasets fetch NAME`, or read from a folder, `data_dir`. `load("npz:my.npz")` reads your own images.
"""

from __future__ import annotations

from minilocal import lazily

# Public name → the module that defines it. They load when first used: the command handles Ctrl-C before that.
_PUBLIC = {"Dataset": "dataset", "NAMES": "loading", "load": "loading"}

__all__ = sorted(_PUBLIC)
__getattr__ = lazily(__name__, _PUBLIC)
