from minilocal.console.text import aligned, markdown

ROWS = [["a", "b", "c"], ["long", "x", "1.5"], ["s", "yy", "10"]]


def test_text_columns_are_aligned_to_the_left_and_numbers_to_the_right():
    assert aligned(ROWS).splitlines() == ["a      b    c", "long   x  1.5", "s     yy   10"]
    assert aligned(ROWS, texts=2).splitlines() == ["a     b     c", "long  x   1.5", "s     yy   10"]


def test_a_bar_in_a_markdown_cell_does_not_end_the_cell():
    assert markdown([["a|b", "n"], ["c", "1"]]) == "| a\\|b | n |\n|---|---:|\n| c | 1 |"
