"""The rooms of minilocal: which may import which, and how much code there may be."""

import ast
import io
import tokenize
from collections import Counter
from graphlib import TopologicalSorter
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "minilocal"
FLOORS = [  # rooms on one floor import from lower floors and from one another, but never in a circle
    "errors files",
    "kernels compute console",
    "layers datasets",
    "schedule losses",
    "networks",
    "optim",
    "steps",
    "training",
    "costs gradcheck",
    "runs",
    "pipeline",
    "train evaluate report compare bench grade course doctor",
]
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms.split()}
CORE = [  # what a student reads, including the minibatches
    *("schedule", "steps", "losses", "optim", "errors"),
    *("networks", "layers", "kernels", "compute", "training", "gradcheck"),
]


FILES = {
    ".".join(("minilocal", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}


def room(module):
    return f"{module}.__init__".split(".")[1]


def imports(path):
    """Yield the modules of minilocal that a file imports, at its top or in a function."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names:
                name = alias.name if isinstance(node, ast.Import) else f"{node.module}.{alias.name}"
                module = name if name in FILES else name.rpartition(".")[0]
                if module in FILES and module != "minilocal":
                    yield module


def test_imports_go_one_way_and_never_in_a_circle():
    graph = {module: {*imports(path)} - {module} for module, path in FILES.items()}
    for module, targets in graph.items():
        for target in targets if room(module) in FLOOR else ():
            assert FLOOR[room(target)] <= FLOOR[room(module)], f"{module} imports {target}"
    list(TopologicalSorter(graph).static_order())  # raises CycleError, which names the circle
    assert "TYPE_CHECKING" not in "".join(path.read_text(encoding="utf-8") for path in FILES.values())


def code_lines(path):
    """Count lines with code: no blank lines, comments or docstrings."""
    text, lines = path.read_text(encoding="utf-8"), set()
    idle = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in idle:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            lines.difference_update(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    return len(lines)


def test_budgets_of_code_lines():
    lines, rooms = {module: code_lines(path) for module, path in FILES.items()}, Counter()
    for module, count in lines.items():
        rooms[room(module)] += count
    core = {module: n for module, n in lines.items() if room(module) in CORE or module == "minilocal.datasets.batches"}
    print(*(f"{count:6} {name}" for name, count in rooms.most_common()), sep="\n")
    print(f"{sum(core.values())} of 3550 lines in the core, {sum(lines.values())} of 12900 in all")
    # 150 tell Numba what a vector is, 350 are residual networks and other losses, 100 a faster recipe.
    assert sum(core.values()) <= 3550
    assert max(core.values()) <= 250
    assert sum(lines.values()) <= 12900
    entries = {path.name for path in PACKAGE.iterdir()} - {"__pycache__", "data"}  # a wheel holds data too
    assert len(entries) <= 28, sorted(entries)
