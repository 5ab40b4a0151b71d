"""A network and its schedule as a table."""

from __future__ import annotations

from minilocal.layers import BatchNormReLUDropout
from minilocal.networks.network import Network
from minilocal.schedule import Block, Schedule


def describe(network: Network, schedule: Schedule) -> str:
    """Return tables of all layers and those of the losses (shapes, parameters, MACs), and of the schedule's blocks."""
    lines = [f"{'':<16}{'operation':<22}{'output':>12}{'parameters':>13}{'MACs/image':>14}"]
    lines.append(_row("input", "", _times(network.input_shape), 0, 0))
    shapes = [network.input_shape, *network.shapes]
    layers = [(f"layer {i}", layer, shapes[i - 1]) for i, layer in enumerate(network.layers, 1)]
    losses = [
        (f"{name} {i}", layer, network.shapes[i - 1])
        for i, loss in sorted(network.losses.items())
        for name, layer in loss.layers.items()
    ]
    for title, named in (("all layers", layers), ("all losses", losses)):
        total_params = total_macs = 0
        for name, layer, shape in named:
            for operation, inner, inputs in layer.operations(shape):
                params, macs = sum(p.size for p in inner.params.values()), inner.macs(inputs)
                total_params, total_macs = total_params + params, total_macs + macs
                if isinstance(inner, BatchNormReLUDropout):
                    operation = f"{operation} relu dropout"
                lines.append(_row(name, operation, _times(inner.output_shape(inputs)), params, macs))
                name = ""
        lines.append(_row(title, "", "", total_params, total_macs))
    lines += ["", f"{schedule.title} on {len(network)} layers:"]
    for epoch in range(schedule.period):
        blocks = schedule.blocks_at(epoch, len(network))
        frozen = f"frozen {Block(1, blocks[0].first - 1)}, " if blocks[0].first > 1 else ""
        idle = schedule.idle_at(epoch, len(network))
        alone = f", classifiers alone: {', '.join(map(str, idle))}" if idle else ""
        when = f"epochs {epoch + 1}, {epoch + 1 + schedule.period}, …" if schedule.period > 1 else "every epoch"
        shift = schedule.shift_at(epoch)
        lines.append(f"  {when:<16} shift {shift}: {frozen}blocks {', '.join(map(str, blocks))}{alone}")
    return "\n".join(lines)


def _row(name: str, operation: str, shape: str, params: int, macs: int) -> str:
    numbers = "".join(f"{n:>{width},}" if n else " " * width for n, width in ((params, 13), (macs, 14)))
    return f"{name:<16}{operation:<22}{shape:>12}{numbers}".rstrip()


def _times(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape))
