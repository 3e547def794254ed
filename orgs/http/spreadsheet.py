"""CSV that opens in a spreadsheet without being run by it."""

import csv
import io
import re
from collections.abc import Iterable

from django.http import HttpResponse

# A spreadsheet runs a cell which begins like this; it normalises the wide forms and passes over blanks and quotes.
# Where a semicolon or a tab parts columns, as in much of Europe, a cell also begins in the middle of one of ours.
_FORMULA = re.compile(r"(^|[;\t\r\n|])([\s\"']*)(?=[=+\-@＝＋－＠])")  # noqa: RUF001
_BLANK_START = ("\t", "\r", "\n")
BYTE_ORDER_MARK = "\ufeff"  # without it spreadsheets read UTF-8 as something else


def harmless(value: object) -> object:
    """The cell, with an apostrophe before text that a spreadsheet would run; numbers are left alone."""
    if not isinstance(value, str):
        return value
    safe = _FORMULA.sub(r"\1'\2", value)
    return f"'{safe}" if safe.startswith(_BLANK_START) else safe


def csv_response(filename: str, header: Iterable[str], rows: Iterable[Iterable]) -> HttpResponse:
    """Whole, not streamed: a stream would run after the request's transaction, outside its organisation."""
    text = io.StringIO()
    text.write(BYTE_ORDER_MARK)
    writer = csv.writer(text)
    writer.writerow(header)
    writer.writerows([harmless(value) for value in row] for row in rows)
    response = HttpResponse(text.getvalue(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{filename}"'
    return response
