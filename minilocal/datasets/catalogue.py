"""The data sets that have a name. To add one, add an entry; everything else reads this table.

MD5 sums are those that the authors publish. They reveal damaged downloads, but MD5 is too weak to reveal forged ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from minilocal.datasets.cifar import read_cifar
from minilocal.datasets.dataset import Arrays
from minilocal.datasets.mnist import read_mnist


@dataclass(frozen=True)
class Download:
    """A file to download: its address, its MD5 in hexadecimal and, if known, its size in bytes."""

    url: str
    md5: str
    size: int | None = None

    @property
    def file(self) -> str:
        """The file's name: the last component of its address."""
        return self.url.rpartition("/")[-1]


@dataclass(frozen=True)
class Entry:
    """What is known about one data set.

    Attributes:
        name: what `load` and `--dataset` call it.
        folder: the official name of its folder.
        torchvision: the folder where torchvision puts the same files, if it does.
        pickled: the official folder of the Python version and a file in it, to recognise it: it is not read.
        files: glob patterns of the files to read, in the order that `read` expects; "a|b" means a or else b, and
            messages name a.
        read: turns the paths of these files into arrays.
        classes, flip: as in `Dataset`.
        classes_file: a file beside the others that may list the class names, one per line; it replaces `classes`.
        downloads: the files to download.
        members: the files to take from each download if downloads are archives. The test set comes last, so that
            nothing reads a set that was only partly put in place.
        sha256: checksums of `files`, for a data set that ships with minilocal.
    """

    name: str
    folder: str
    files: tuple[str, ...]
    read: Callable[[Sequence[Path]], Arrays]
    classes: tuple[str, ...]
    flip: bool
    torchvision: str | None = None
    pickled: tuple[str, str] | None = None
    classes_file: str | None = None
    downloads: tuple[Download, ...] = ()
    members: tuple[str, ...] = ()
    sha256: tuple[str, ...] = ()


CIFAR = "https://www.cs.toronto.edu/~kriz"

IDX = tuple(f"{part}-{kind}-ubyte.gz" for part in ("train", "t10k") for kind in ("images-idx3", "labels-idx1"))
EMNIST = "https://biometrics.nist.gov/cs_links/EMNIST"


def _spellings(file: str) -> str:
    """Return the names under which an IDX file is found: zipped or not, and also with a dot, as some unpackers do."""
    return "|".join(f"{name}{zipped}" for name in (file, file.replace("-idx", ".idx")) for zipped in (".gz", ""))


def _emnist(part: str) -> tuple[str, ...]:
    return tuple(file.replace("t10k", "test").replace("t", f"emnist-{part}-t", 1) for file in IDX)


ZIPPED_OR_NOT = tuple(_spellings(file.removesuffix(".gz")) for file in IDX)
CLOTHES = tuple("T-shirt/top,Trouser,Pullover,Dress,Coat,Sandal,Shirt,Sneaker,Bag,Ankle boot".split(","))  # noqa: SIM905
CIFAR10 = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
CIFAR100 = tuple(
    """
    apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can castle
    caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin elephant
    flatfish forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster man
    maple_tree motorcycle mountain mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree
    plain plate poppy porcupine possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk skyscraper snail
    snake spider squirrel streetcar sunflower sweet_pepper table tank telephone television tiger tractor train trout
    tulip turtle wardrobe whale willow_tree wolf woman worm
    """.split()  # noqa: SIM905 - a table of words is easier to read than a list of strings
)


def _idx_downloads(address: str, *md5s: str) -> tuple[Download, ...]:
    return tuple(Download(f"{address}/{file}", md5) for file, md5 in zip(IDX, md5s, strict=True))


ENTRIES = (
    Entry(
        name="fashion-mnist-mini",
        folder="fashion-mnist-mini",
        files=IDX,
        read=read_mnist,
        classes=CLOTHES,
        flip=True,
        sha256=(  # data/README.md lists them too
            "282c0240c93d5546409456394b9db9d00d73ef2bb2d12abe24c0d8ee203565bb",
            "95f443b4986a5195ae1ab02d934d30b891a82fdb406b8da95a5cd44c4665069a",
            "e60ede7714c657ced2d723c33140572b5476b46df34b385a6e176b0757dc4318",
            "e6d25f5f3e85bb315a10172898c1c8f69ce52c4f9306c5821205c821bfca8847",
        ),
    ),
    Entry(
        name="fashion-mnist",
        folder="fashion-mnist",
        files=ZIPPED_OR_NOT,
        read=read_mnist,
        classes=CLOTHES,
        flip=True,
        torchvision="FashionMNIST/raw",
        downloads=_idx_downloads(
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
            "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
            "25c81989df183df01b3e8a0aad5dffbe",
            "bef4ecab320f06d8554ea6380940ec79",
            "bb300cfdad3c16e7a12a480ee83cd310",
        ),
    ),
    Entry(
        name="mnist",
        folder="mnist",
        files=ZIPPED_OR_NOT,
        read=read_mnist,
        classes=tuple("0123456789"),
        flip=False,
        torchvision="MNIST/raw",
        downloads=_idx_downloads(
            "https://ossci-datasets.s3.amazonaws.com/mnist",
            "f68b3c2dcbeaaa9fbdd348bbdeb94873",
            "d53e105ee54ea40749a09fcbcd1e9432",
            "9fb629c4189551a2d022fa330f9573f3",
            "ec29112dd5afa0611ce80d1b7f02629c",
        ),
    ),
    Entry(
        name="kmnist",
        folder="kmnist",
        files=ZIPPED_OR_NOT,
        read=read_mnist,
        classes=("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
        flip=False,
        torchvision="KMNIST/raw",
        downloads=_idx_downloads(
            "http://codh.rois.ac.jp/kmnist/dataset/kmnist",
            "bdb82020997e1d708af4cf47b453dcf7",
            "e144d726b3acfaa3e44228e80efcd344",
            "5c965bf0a639b31b8f53240b1b52f4d7",
            "7320c461ea6c1c855c0b718fb2a4b134",
        ),
    ),
    *(
        Entry(
            name=f"emnist-{part}",
            folder="emnist",
            files=tuple(_spellings(file.removesuffix(".gz")) for file in _emnist(part)),
            read=partial(read_mnist, classes=len(classes), first=first, transposed=True),
            classes=tuple(classes),
            flip=False,
            torchvision="EMNIST/raw",
            downloads=(Download(f"{EMNIST}/gzip.zip", "58c8d27c78d21e728a6bc7b3cc06412e"),),
            members=(*_emnist("letters"), *_emnist("balanced")),  # all from one download of 560 MB
        )
        for part, first, classes in (
            ("letters", 1, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
            ("balanced", 0, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabdefghnqrt"),
        )
    ),
    Entry(
        name="cifar10",
        folder="cifar-10-batches-bin",
        files=("data_batch_[1-5].bin", "test_batch.bin"),
        read=partial(read_cifar, label_counts=(10,)),
        classes=CIFAR10,
        flip=True,
        pickled=("cifar-10-batches-py", "data_batch_1"),
        classes_file="batches.meta.txt",
        downloads=(Download(f"{CIFAR}/cifar-10-binary.tar.gz", "c32a1d4ab5d03f1284b67883e8d87530", 170_052_171),),
        members=(*(f"data_batch_{i}.bin" for i in range(1, 6)), "batches.meta.txt", "test_batch.bin"),
    ),
    Entry(
        name="cifar100",
        folder="cifar-100-binary",
        files=("train.bin", "test.bin"),
        read=partial(read_cifar, label_counts=(20, 100)),
        classes=CIFAR100,
        flip=True,
        pickled=("cifar-100-python", "train"),
        classes_file="fine_label_names.txt",
        downloads=(Download(f"{CIFAR}/cifar-100-binary.tar.gz", "03b5dce01913d631647c71ecec9e9cb8", 168_513_733),),
        members=("train.bin", "fine_label_names.txt", "test.bin"),
    ),
)
CATALOGUE = {entry.name: entry for entry in ENTRIES}
