"""Reading files that pages send."""

import csv
import io


def file_of(answer) -> list[list[str]]:
    """The lines of a CSV file, its header first."""
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/csv; charset=utf-8")
    return list(csv.reader(io.StringIO(answer.getvalue().decode().removeprefix("\ufeff"))))
