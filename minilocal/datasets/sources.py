"""Where the data sets come from: addresses, checksums and, where known, sizes.

MD5 is what their authors publish. It tells a damaged download; against a forger it would be too weak.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Remote:
    """A file to download: its address, its MD5 in hexadecimal and, where known, its size in bytes."""

    url: str
    md5: str
    size: int | None = None

    @property
    def file(self) -> str:
        """The file's name: the last part of its address."""
        return self.url.rsplit("/", 1)[-1]


FASHION_MNIST = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com"
MNIST = "https://ossci-datasets.s3.amazonaws.com/mnist"
CIFAR = "https://www.cs.toronto.edu/~kriz"

SOURCES = {
    "fashion-mnist": (
        Remote(f"{FASHION_MNIST}/train-images-idx3-ubyte.gz", "8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
        Remote(f"{FASHION_MNIST}/train-labels-idx1-ubyte.gz", "25c81989df183df01b3e8a0aad5dffbe"),
        Remote(f"{FASHION_MNIST}/t10k-images-idx3-ubyte.gz", "bef4ecab320f06d8554ea6380940ec79"),
        Remote(f"{FASHION_MNIST}/t10k-labels-idx1-ubyte.gz", "bb300cfdad3c16e7a12a480ee83cd310"),
    ),
    "mnist": (
        Remote(f"{MNIST}/train-images-idx3-ubyte.gz", "f68b3c2dcbeaaa9fbdd348bbdeb94873"),
        Remote(f"{MNIST}/train-labels-idx1-ubyte.gz", "d53e105ee54ea40749a09fcbcd1e9432"),
        Remote(f"{MNIST}/t10k-images-idx3-ubyte.gz", "9fb629c4189551a2d022fa330f9573f3"),
        Remote(f"{MNIST}/t10k-labels-idx1-ubyte.gz", "ec29112dd5afa0611ce80d1b7f02629c"),
    ),
    "cifar10": (Remote(f"{CIFAR}/cifar-10-binary.tar.gz", "c32a1d4ab5d03f1284b67883e8d87530", size=170_052_171),),
    "cifar100": (Remote(f"{CIFAR}/cifar-100-binary.tar.gz", "03b5dce01913d631647c71ecec9e9cb8", size=168_513_733),),
}

# The files taken from each archive. The test file comes last: without it no reader takes a half-moved set.
MEMBERS = {
    "cifar10": (*(f"data_batch_{i}.bin" for i in range(1, 6)), "batches.meta.txt", "test_batch.bin"),
    "cifar100": ("train.bin", "fine_label_names.txt", "test.bin"),
}
