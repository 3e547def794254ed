"""CSV that opens in a spreadsheet without being run by it."""

import csv
import io
import logging
import re
from collections.abc import Iterable, Iterator
from itertools import chain, islice

from django.db import Error
from django.http import StreamingHttpResponse

logger = logging.getLogger(__name__)

# A spreadsheet runs a cell which begins like this; it normalises the wide forms and passes over blanks and quotes.
# Where a semicolon or a tab parts columns, as in much of Europe, a cell also begins in the middle of one of ours.
_FORMULA = re.compile(r"(^|[;\t\r\n|])([\s\"']*)(?=[=+\-@＝＋－＠])")  # noqa: RUF001
_BLANK_START = ("\t", "\r", "\n")
MOST_ROWS = 1_000_000
BYTE_ORDER_MARK = "\ufeff"  # without it spreadsheets read UTF-8 as something else


def harmless(value: object) -> object:
    """The cell, with an apostrophe before text that a spreadsheet would run; numbers are left alone."""
    if not isinstance(value, str):
        return value
    safe = _FORMULA.sub(r"\1'\2", value)
    return f"'{safe}" if safe.startswith(_BLANK_START) else safe


def csv_stream(
    filename: str,
    header: Iterable[str],
    batches: Iterable[Iterable[Iterable]],
    *,
    most: int = MOST_ROWS,
    left_out: str = "",
) -> StreamingHttpResponse:
    """All rows of `batches`, sent as they are read (orgs.http.paging.batches). Where the file is cut, because there are
    more than `most` or because the database fails, its last line says so. left_out: what the rows do not hold from the
    beginning, in words, which is a last line of its own."""
    texts = chain(_texts(header, batches, most), [_text([[left_out]])] if left_out else [])
    response = StreamingHttpResponse(texts, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{filename}"'
    return response


def _texts(header: Iterable[str], batches: Iterable[Iterable[Iterable]], most: int) -> Iterator[str]:
    yield BYTE_ORDER_MARK + _text([header])
    left = most
    try:
        for batch in batches:
            rows = list(islice(batch, left + 1))
            yield _text(rows[:left])
            if len(rows) > left:
                held = f"{most:,} row{'s' * (most != 1)}"
                yield _text([[f"This file is cut here: it holds {held}, and there are more."]])
                return
            left -= len(rows)
    except Error as error:
        logger.warning("a CSV file was cut: %s", type(error).__name__)
        yield _text([["This file is cut here: the database did not answer. Please try again."]])


def _text(rows: Iterable[Iterable]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows([harmless(value) for value in row] for row in rows)
    return text.getvalue()
