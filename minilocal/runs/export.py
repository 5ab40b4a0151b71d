"""Weights for other libraries: `minilocal export RUN weights.safetensors`."""

from __future__ import annotations

if __name__ == "__main__":
    from minilocal.console.launch import launch

    launch("minilocal.runs.export")

import json
from collections.abc import Sequence

import numpy as np

from minilocal.console.cli import Parser, command
from minilocal.console.text import shown
from minilocal.errors import InputError
from minilocal.files import check_writable, expanded, replacing
from minilocal.networks.network import Network
from minilocal.runs.directory import RunDirectory


def parser() -> Parser:
    """Return the command's argument parser."""
    p = Parser(
        prog="minilocal export",
        description="Write a run's weights to a safetensors file, which PyTorch and others read without minilocal.",
        epilog="tutorials/weights.md has the names and shapes, and fifteen lines that load the file into PyTorch.",
    )
    p.add_argument("run", metavar="RUN", help="a run directory written by `python -m minilocal.train`")
    p.add_argument("file", metavar="FILE", help="the file to write, such as weights.safetensors")
    return p


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    options = parser().parse_args(argv)
    try:
        from safetensors.numpy import save
    except ImportError:
        raise InputError("safetensors is not installed; run `python -m pip install safetensors`") from None
    file = expanded(options.file)
    check_writable(file, "FILE")
    run = RunDirectory(options.run)
    config, preprocessing = run.read_config()
    network = config.network(preprocessing.image_shape, len(preprocessing.classes))
    position = run.read_checkpoint(network)
    about = {
        "config": json.dumps(config.as_dict()),
        "data": json.dumps(preprocessing.as_dict()),
        "pools": pools(network),
        "trained": str(position),
    }
    arrays = {name: np.ascontiguousarray(array) for name, array in network.arrays().items()}
    with replacing(file) as stream:
        stream.write(save(arrays, about))
    print(f"{len(arrays)} arrays of {shown(config.title)}, after {position}, written to {shown(file)}")
    return 0


def pools(network: Network) -> str:
    """Return a digit for each layer: "1" if it begins with a max-pool, as in "0010111"."""
    return "".join("1" if "pool" in layer.layers else "0" for layer in network.layers)
