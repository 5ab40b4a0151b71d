"""Jordan's recipe in PyTorch, on this project's images: how much of its 94 % is left on them?

    pip install torch
    python tutorials/results/jordan.py --data-dir DIR

trains the network of "94% on CIFAR-10 in 3.29 Seconds on a Single GPU" (2024), written anew from
its text, by BP for 10 epochs, tests it after each on the test images, plainly and with flips, and
then adds a row per epoch to jordan.csv in the folder --out. Left out are averaged weights and flips
with shifts at test time. Convolutions compute in bfloat16.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.lr_scheduler import LambdaLR

from minilocal.console.cli import Parser, command
from minilocal.datasets.loading import load
from minilocal.files import folder_for

MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)  # of CIFAR-10's pixels
WIDTHS = 64, 256, 256  # of the three groups
EPOCHS, BATCH_SIZE, MOMENTUM, BETA_LR = 10, 256, 0.85, 64
LR, WEIGHT_DECAY = 11.5, 0.0153  # per 1,024 (1 + 1/(1 - MOMENTUM)) images
COLUMNS = "seed,epoch,train_accuracy,test_accuracy,test_accuracy_flips"


def group(channels: int, width: int) -> list[nn.Module]:
    """Return two convolutions that start as the identity, as far as their channels go."""
    convs = [nn.Conv2d(c, width, 3, padding="same", bias=False) for c in (channels, width)]
    for conv in convs:
        nn.init.dirac_(conv.weight.data[: conv.in_channels])
    norms = [nn.BatchNorm2d(width, eps=1e-12, momentum=0.4) for _ in convs]
    for norm in norms:
        norm.weight.requires_grad = False
    return [convs[0], nn.MaxPool2d(2), norms[0], nn.GELU(), convs[1], norms[1], nn.GELU()]


def network(x: Tensor) -> nn.Sequential:
    """Return his network, its first convolution whitening the 2×2 patches of images x."""
    whiten = nn.Conv2d(3, 24, 2)
    patches = x.unfold(2, 2, 1).unfold(3, 2, 1).permute(0, 2, 3, 1, 4, 5).reshape(-1, 12)
    values, vectors = torch.linalg.eigh(patches.T @ patches / len(patches))
    filters = (vectors / torch.sqrt(values + 5e-4)).T.reshape(12, 3, 2, 2)
    whiten.weight.data[:] = torch.cat([filters, -filters])
    whiten.weight.requires_grad = False
    nn.init.zeros_(whiten.bias)
    layers = [layer for sizes in pairwise((24, *WIDTHS)) for layer in group(*sizes)]
    head = [nn.MaxPool2d(3), nn.Flatten(), nn.Linear(WIDTHS[-1], 10, bias=False)]
    return nn.Sequential(whiten, nn.GELU(), *layers, *head).to(memory_format=torch.channels_last)


def logits(net: nn.Sequential, x: Tensor) -> Tensor:
    """Return the logits (B, 10) of images."""
    with torch.autocast("cpu", dtype=torch.bfloat16):
        return net(x.contiguous(memory_format=torch.channels_last)).float() / 9


def optimizer(net: nn.Sequential) -> torch.optim.SGD:
    """Return SGD with Nesterov's momentum, the betas of BatchNorm at a rate of their own."""
    images = 1024 * (1 + 1 / (1 - MOMENTUM))
    lr, decay = LR / images, WEIGHT_DECAY * BATCH_SIZE / images
    betas = [layer.bias for layer in net if isinstance(layer, nn.BatchNorm2d)]
    others = [p for p in net.parameters() if p.requires_grad and all(p is not b for b in betas)]
    groups = [
        {"params": betas, "lr": BETA_LR * lr, "weight_decay": decay / (BETA_LR * lr)},
        {"params": others, "lr": lr, "weight_decay": decay / lr},
    ]
    return torch.optim.SGD(groups, momentum=MOMENTUM, nesterov=True)


def triangle(part: float) -> float:
    """Return the learning rate's factor after a part of all steps."""
    return 0.2 + 0.8 * part / 0.23 if part < 0.23 else 1 - 0.93 * (part - 0.23) / 0.77


def trained(data_dir: str, seed: int) -> Iterator[tuple[float, ...]]:
    """Train a network; yield each epoch and its three accuracies, in per cent."""
    torch.manual_seed(seed)
    data = load("cifar10", data_dir)
    mean, std = (torch.tensor(a).view(1, 3, 1, 1) for a in (MEAN, STD))
    x, x_test = (
        (torch.tensor(a, dtype=torch.float32).permute(0, 3, 1, 2) / 255 - mean) / std
        for a in (data.x_train, data.x_test)
    )
    y, y_test = (torch.tensor(a).long() for a in (data.y_train, data.y_test))
    net = network(x[:5000])
    sgd = optimizer(net)
    steps = len(x) // BATCH_SIZE
    schedule = LambdaLR(sgd, lambda step: triangle(step / (steps * EPOCHS)))
    bordered, half = functional.pad(x, (2, 2, 2, 2), "reflect"), torch.rand(len(x)) < 0.5
    for epoch in range(EPOCHS):
        order, flip = torch.randperm(len(x)), half ^ bool(epoch % 2)
        shifts, right = torch.randint(0, 5, (len(x), 2)), 0
        net.train()
        net[0].bias.requires_grad = epoch < 3
        for which in order[: steps * BATCH_SIZE].split(BATCH_SIZE):
            crops = [(i, *shifts[i].tolist()) for i in which.tolist()]
            images = torch.stack([bordered[i, :, r : r + 32, c : c + 32] for i, r, c in crops])
            images[flip[which]] = images[flip[which]].flip(3)
            output = logits(net, images)
            loss = functional.cross_entropy(output, y[which], label_smoothing=0.2, reduction="sum")
            sgd.zero_grad()
            loss.backward()
            sgd.step()
            schedule.step()
            right += int((output.argmax(1) == y[which]).sum())
        net.eval()
        with torch.no_grad():
            plain, mirrored = (
                torch.cat([logits(net, part) for part in images.split(500)])
                for images in (x_test, x_test.flip(3))
            )
        hits = [(output.argmax(1) == y_test).float() for output in (plain, plain + mirrored)]
        tested = [100 * float(hit.mean()) for hit in hits]
        yield epoch + 1, 100 * right / (steps * BATCH_SIZE), *tested


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = Parser(prog="jordan.py", description="Train by Jordan's recipe in PyTorch.")
    parser.add_argument("--data-dir", required=True, help="folder of CIFAR-10's files")
    parser.add_argument("--seed", type=int, default=0, help="of everything random (default: 0)")
    parser.add_argument("--out", default=str(Path(__file__).parent), help="folder of the CSV file")
    options = parser.parse_args(argv)
    # A folder of no use is refused here, before all the training.
    with folder_for(options.out, "--out", "jordan.csv") as folder:
        rows = []
        for epoch, *accuracies in trained(options.data_dir, options.seed):
            rows.append(
                ",".join([str(options.seed), str(epoch), *(f"{a:.2f}" for a in accuracies)])
            )
            print(rows[-1], flush=True)
        path = folder / "jordan.csv"
        new = not path.exists()
        with path.open("a") as file:
            print(*([COLUMNS] if new else []), *rows, sep="\n", file=file)
    return 0


if __name__ == "__main__":
    sys.exit(main())
