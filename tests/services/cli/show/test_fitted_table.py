"""services/cli/show/fitted_table.py: every value is there in full and no line is too long, at any width."""

from __future__ import annotations

from io import StringIO

from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from services.cli.show.fitted_table import FittedTable

WORD = st.text(alphabet="abz09.-_[]é漢", min_size=1, max_size=24)
VALUE = st.lists(WORD, max_size=4).map(" ".join)


def printed(table: FittedTable, width: int) -> list[str]:
    """The lines as a command prints them on a terminal of this width."""
    file = StringIO()
    Console(file=file, width=width, soft_wrap=True, highlight=False).print(table)
    return file.getvalue().splitlines()


def small() -> FittedTable:
    table = FittedTable(["#", "optimizer", "val/acc", "epoch"], spare=(-1,))
    table.add_row("1", "adam, beta 0.9", "0.91", "3")
    table.add_row("2", "sgd", "0.8", "12")
    return table


def test_a_wide_terminal_has_a_table() -> None:
    assert printed(small(), 80) == [
        "#  optimizer       val/acc  epoch",
        "1  adam, beta 0.9  0.91     3",
        "2  sgd             0.8      12",
    ]


def test_a_narrower_one_leaves_out_what_it_may() -> None:
    assert printed(small(), 30) == [
        "#  optimizer       val/acc",
        "1  adam, beta 0.9  0.91",
        "2  sgd             0.8",
    ]


def test_one_that_is_too_narrow_has_a_block_for_each_row() -> None:
    assert printed(small(), 20) == [
        "#          1",
        "optimizer  adam,",
        "           beta 0.9",
        "val/acc    0.91",
        "epoch      3",
        "",
        "#          2",
        "optimizer  sgd",
        "val/acc    0.8",
        "epoch      12",
    ]


def test_a_value_wider_than_its_place_stands_below_its_name() -> None:
    table = FittedTable(["optimizer"])
    table.add_row("a-name-of-nineteen-")
    assert printed(table, 16) == ["optimizer", "a-name-of-nineteen-"]
    assert printed(table, 24) == ["optimizer", "a-name-of-nineteen-"]


def test_a_column_goes_by_its_place_because_an_axis_may_have_the_name_of_another() -> None:
    table = FittedTable(["epochs", "epochs"], spare=(-1,))
    table.add_row("the axis", "the count")
    assert printed(table, 10) == ["epochs", "the axis"]


def test_cells_are_plain_text_and_style_is_kept() -> None:
    table = FittedTable(["state", "text"])
    table.add_row(Text("failed", style="red"), "[bold]")
    file = StringIO()
    Console(file=file, width=80, force_terminal=True, color_system="standard").print(table)
    assert "\x1b[31mfailed" in file.getvalue()
    assert printed(table, 80)[1] == "failed  [bold]"


def test_prose_is_broken_in_its_place() -> None:
    table = FittedTable(["name", "what it is"], prose=True)
    table.add_row("adam", "Divide a running mean of the gradient by a root.")
    assert printed(table, 36) == [
        "name  what it is",
        "adam  Divide a running mean of the",
        "      gradient by a root.",
    ]
    assert printed(table, 80)[1] == "adam  Divide a running mean of the gradient by a root."
    assert printed(table, 20)[0] == "name        adam"


def test_in_a_block_only_the_name_is_bold() -> None:
    table = FittedTable(["state"])
    table.add_row("a b")
    file = StringIO()
    console = Console(file=file, width=3, force_terminal=True, color_system="standard", soft_wrap=True)
    console.print(table)
    assert "\x1b[1mstate\x1b[0m" in file.getvalue()
    assert "\x1b[1ma" not in file.getvalue()


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_no_value_is_cut_and_no_line_is_too_long(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 8))
    columns = data.draw(st.lists(WORD, min_size=count, max_size=count))
    spare = data.draw(st.lists(st.integers(0, count - 1), unique=True, max_size=count - 1))
    rows = data.draw(st.lists(st.lists(VALUE, min_size=count, max_size=count), min_size=1, max_size=4))
    width = data.draw(st.integers(40, 200))
    table = FittedTable(columns, spare, data.draw(st.booleans()))
    for row in rows:
        table.add_row(*row)
    lines = printed(table, width)
    words = [word for row in [columns, *rows] for value in row for word in value.split()]
    limit = max(width, *map(cell_len, words))
    assert all(cell_len(line) <= limit for line in lines)
    text = " ".join(" ".join(lines).split())
    for row in rows:
        for column, value in enumerate(row):
            assert column in spare or " ".join(value.split()) in text
