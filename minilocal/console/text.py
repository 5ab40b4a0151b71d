"""Tables for terminals and for Markdown pages, and numbers with their nouns."""

from __future__ import annotations

from collections.abc import Sequence


def aligned(rows: Sequence[Sequence[str]], texts: int = 1) -> str:
    """Return rows with aligned columns: the first `texts` columns left-aligned, the others right-aligned.

    >>> print(aligned([["layer", "MACs"], ["1", "27"], ["2", "9216"]]))
    layer  MACs
    1        27
    2      9216
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            cell.ljust(width) if i < texts else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    return "\n".join(lines)


def markdown(rows: Sequence[Sequence[str]], texts: int = 1) -> str:
    """Return rows as a Markdown table with the first row as its head; columns are aligned as in `aligned`.

    >>> print(markdown([["layer", "MACs"], ["1", "27"]]))
    | layer | MACs |
    |---|---:|
    | 1 | 27 |
    """
    head, *body = ("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows)
    rule = "|" + "|".join("---" if i < texts else "---:" for i in range(len(rows[0]))) + "|"
    return "\n".join([head, rule, *body])


def plural(count: int, noun: str) -> str:
    """Return a number with its noun in the singular or plural.

    >>> plural(1, "round"), plural(2, "round")
    ('1 round', '2 rounds')
    """
    return f"{count} {noun}{'s' if count != 1 else ''}"
