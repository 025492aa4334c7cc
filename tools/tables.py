"""Tables for the terminal, by rich, which Keras brings."""


def text_table(columns, rows):
    """Returns a table as text: the first column to the left, the others to the right.

    Args:
        columns: List of strings, the titles.
        rows: List of lists of strings.

    Example:

    >>> print(text_table(["class", "IoU"], [["sky", "0.800"]]))
    class    IoU
    sky    0.800
    """
    import io

    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for number, title in enumerate(columns):
        table.add_column(
            title, justify="right" if number else "left", no_wrap=True, header_style=""
        )
    for row in rows:
        table.add_row(*row)
    stream = io.StringIO()
    width = 2 * sum(len(cell) + 2 for row in [columns, *rows] for cell in row)
    Console(file=stream, width=width, color_system=None, markup=False).print(table)
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines())


def class_table(columns, means):
    """Returns scores as text, a line per class and one of the means.

    Args:
        columns: Dict of titles to dicts of a class's name to a number or None.
        means: Dict of titles to the last line's numbers.

    Example:

    >>> print(class_table({"IoU": {"road": 0.75, "sky": None}}, {"IoU": 0.75}))
    class    IoU
    road   0.750
    sky        -
    mean   0.750
    """

    def number(value):
        if value is None:
            return "-"
        return str(value) if isinstance(value, int) else f"{value:.3f}"

    names = list(next(iter(columns.values())))
    rows = [
        [name, *(number(column[name]) for column in columns.values())] for name in names
    ]
    rows.append(["mean", *(number(means[title]) for title in columns)])
    return text_table(["class", *columns], rows)
