"""Tables for terminals and for Markdown pages, names in them, and numbers with their nouns."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence


def shown(text: object, most: int = 10_000) -> str:
    r"""Return text as a terminal can show it on one line, cut after `most` characters.

    What a terminal would obey is written as an escape: it could clear the screen or reverse a line.

    >>> shown("a\nb\x1b[2Jc"), shown("far too long a name", 10)
    ('a b\\x1b[2Jc', 'far too l…')
    """
    line = " ".join(str(text).split())
    line = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)
    return line if len(line) <= most else line[: most - 1] + "…"


def columns(text: str) -> int:
    """Return how many columns of a terminal a text takes.

    >>> columns("cat"), columns("猫"), columns("e\u0301")
    (3, 2, 1)
    """
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def padded(text: str, width: int) -> str:
    """Return text with blanks after it that fill so many columns of a terminal."""
    return text + " " * (width - columns(text))


def aligned(rows: Sequence[Sequence[str]], texts: int = 1) -> str:
    """Return rows with aligned columns: the first `texts` columns left-aligned, the others right-aligned.

    >>> print(aligned([["layer", "MACs"], ["1", "27"], ["2", "9216"]]))
    layer  MACs
    1        27
    2      9216
    """
    widths = [max(map(columns, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            padded(cell, width) if i < texts else cell.rjust(width)
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
