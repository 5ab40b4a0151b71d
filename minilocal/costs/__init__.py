"""`python -m minilocal.costs`: what an algorithm's steps cost, by formula, without training, weights or arrays.

    sizes.py      MACs, weights and outputs of every layer and classifier, from shapes
    step.py       the cost model: MACs and off-chip accesses of a step
    algorithm.py  an algorithm's steps at all its shifts, their means, and comparisons with BP
    processor.py  how long a step takes on a processor that four numbers describe
    published.py  the paper's Table I and Figs. 6 and 8, and the same computed here

    __main__.py   the command      report.py   tables and JSON      figure.py   Figs. 6 and 8 drawn

>>> from minilocal.networks.configs import architecture
>>> bp, local = (algorithm_costs(architecture("vgg16"), algo) for algo in ("BP", "G3S2"))
>>> f"{reduction(local.macs, bp.macs):.1%} fewer MACs, {reduction(local.off_chip, bp.off_chip):.1%} fewer accesses"
'16.1% fewer MACs, 66.0% fewer accesses'
"""

from minilocal.costs.algorithm import AlgorithmCosts, algorithm_costs, pipeline_bound, reduction
from minilocal.costs.processor import PROCESSORS, Processor
from minilocal.costs.step import BlockCosts, Costs, Macs, StepCosts, block_macs, off_chip_accesses

__all__ = [
    "PROCESSORS",
    "AlgorithmCosts",
    "BlockCosts",
    "Costs",
    "Macs",
    "Processor",
    "StepCosts",
    "algorithm_costs",
    "block_macs",
    "off_chip_accesses",
    "pipeline_bound",
    "reduction",
]
