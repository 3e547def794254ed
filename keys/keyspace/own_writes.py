"""What this process has written into Redis just now, so that hearing of it costs no look at the key. Whatever is
written afterwards, be it the same, is looked at."""

from collections import OrderedDict

MOST = 20_000
_written: OrderedDict[str, bytes | None] = OrderedDict()


def remember(name: str, text: bytes | None) -> None:
    """`text` is about to be written under `name`; None: it is about to be deleted."""
    # Another thread may recall it at any moment.
    _written.pop(name, None)
    _written[name] = text
    while len(_written) > MOST:
        _written.popitem(last=False)


def recall(name: str, text: bytes | None) -> bool:
    """Whether what lies under `name` is what was written here, asked once for each write."""
    return name in _written and _written.pop(name, b"") == text
