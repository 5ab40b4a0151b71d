"""A network and its schedule as a table."""

from __future__ import annotations

import math

from minilocal.layers import Sequential
from minilocal.network import Network
from minilocal.schedule import Schedule


def describe(network: Network, schedule: Schedule) -> str:
    """Return tables of all layers and classifiers (shapes, parameters, MACs) and of the schedule's blocks."""
    lines = [f"{'':<12}{'operation':<12}{'output':>14}{'parameters':>13}{'MACs/image':>14}"]
    lines.append(f"{'input':<24}{_times(network.input_shape):>14}")
    for title, parts in (
        ("layers", [(f"layer {i}", layer) for i, layer in enumerate(network.layers, 1)]),
        ("classifiers", [(f"aux {i}", layer) for i, layer in sorted(network.auxiliary.items())]),
    ):
        total = [0, 0]
        shape = network.input_shape
        for name, layer in parts:
            if name.startswith("aux"):
                shape = network.shapes[int(name[4:]) - 1]
            for operation, inner in layer.layers.items() if isinstance(layer, Sequential) else [("", layer)]:
                count = [sum(p.size for p in inner.params.values()), inner.macs(shape)]
                total = [a + b for a, b in zip(total, count, strict=True)]
                shape = inner.output_shape(shape)
                numbers = "".join(f"{n:>{w},}" if n else " " * w for n, w in zip(count, (13, 14), strict=True))
                lines.append(f"{name:<12}{operation:<12}{_times(shape):>14}{numbers}".rstrip())
                name = ""
        lines.append(f"{'all ' + title:<38}{total[0]:>13,}{total[1]:>14,}")
    lines += ["", f"{schedule.name} on {len(network)} layers:"]
    for epoch in range(schedule.period):
        blocks = schedule.blocks_at(epoch, len(network))
        when = "every epoch" if schedule.period == 1 else f"epochs {epoch + 1}, {epoch + 1 + schedule.period}, …"
        frozen = f"layers 1-{blocks[0].first - 1} frozen, " if blocks[0].first > 1 else ""
        lines.append(f"  {when:<16} shift {schedule.shift_at(epoch)}: {frozen}blocks {', '.join(map(str, blocks))}")
    return "\n".join(lines)


def _times(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape)) if math.prod(shape) else ""
