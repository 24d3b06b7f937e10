"""What the cron language raises.

ValueError
├── CronError    the text of an expression is wrong
└── ZoneError    the name of a time zone is wrong
"""

SHOWN_TEXT = 120  # of an expression or a zone in a message; enough to find the place
SHOWN_VALUE = 40  # of the offending part


def shown(text: str, limit: int) -> str:
    """`text` made safe to print: whatever isn't printable ASCII escaped, and cut to `limit` characters."""
    escaped = ""
    for character in text:
        # A tab is as wide as a space, so that columns still point to the right place.
        piece = " " if character == "\t" else ascii(character)[1:-1]
        if len(escaped) + len(piece) > limit:
            return escaped + "..."
        escaped += piece
    return escaped


class CronError(ValueError):
    """An expression that isn't valid: `hours: 25 is not in 0-23 (column 5 of "0 0 25 * * ?")`.

    field: the field's name ("hours"), or None when the expression as a whole is wrong.
    value: the offending part, or None.
    column: where that part begins, counted from 1 in the text as given, or None.
    text: the expression.

    `value` and `text` are cut and escaped: they can be shown as they are.
    """

    def __init__(
        self,
        problem: str,
        text: str,
        *,
        field: str | None = None,
        value: str | None = None,
        column: int | None = None,
    ) -> None:
        self.field = field
        self.value = None if value is None else shown(value, SHOWN_VALUE)
        self.column = column
        self.text = shown(text, SHOWN_TEXT)
        subject = f"{field}: " if field else "cron expression: "
        place = f'in "{self.text}"' if column is None else f'column {column} of "{self.text}"'
        super().__init__(f"{subject}{problem} ({place})")


class ZoneError(ValueError):
    """A time zone that isn't known or isn't allowed.

    name: what was asked for, cut and escaped.
    problem: what is wrong with it.
    suggestions: names of zones that may have been meant, the nearest first.
    """

    def __init__(self, problem: str, name: str, *, suggestions: tuple[str, ...] = ()) -> None:
        self.name = shown(name, SHOWN_VALUE)
        self.suggestions = suggestions
        hint = f"; did you mean {' or '.join(suggestions)}?" if suggestions else ""
        self.problem = f"{problem}{hint}"
        super().__init__(f"time zone '{self.name}' {self.problem}")
