"""The bytes of a chunked body (RFC 9112, section 7.1), in whatever pieces they come."""

from gunicorn.http.body import CHUNK_EXT_RE

from dashboard.web.limits import MOST_FRAMING

LONGEST_LINE = 1024
HEXADECIMAL = frozenset(b"0123456789abcdefABCDEF")


class BadChunk(ValueError):
    """Not a chunked body, so nobody can say where the next request begins."""


class Chunks:
    """`body`: what was read so far. `length`: bytes announced so far. `done`: whether the last chunk was read."""

    def __init__(self):
        self.body = bytearray()
        self.length = 0
        self.done = False
        self._read = self._size
        self._left = 0
        self._framing = 0

    def take(self, buffer: bytearray) -> None:
        """Remove from the front of `buffer` what can be read; what follows the body stays. Raises BadChunk."""
        position = 0
        while not self.done and (used := self._read(buffer, position)):
            position += used
        del buffer[:position]

    def _size(self, buffer: bytearray, start: int) -> int:
        line, used = self._line(buffer, start)
        if not used:
            return 0
        digits, semicolon, extension = line.partition(b";")
        if semicolon:
            digits = digits.rstrip(b" \t")
            if not CHUNK_EXT_RE.fullmatch(semicolon + extension):
                raise BadChunk("a chunk's extension")
        if not digits or not HEXADECIMAL.issuperset(digits):
            raise BadChunk("a chunk's size")
        self._left = int(digits, 16)
        self.length += self._left
        self._read = self._data if self._left else self._trailer
        return used

    def _data(self, buffer: bytearray, start: int) -> int:
        piece = buffer[start : start + self._left]
        self.body += piece
        self._left -= len(piece)
        if not self._left:
            self._read = self._end_of_data
        return len(piece)

    def _end_of_data(self, buffer: bytearray, start: int) -> int:
        if len(buffer) - start < 2:
            return 0
        if buffer[start : start + 2] != b"\r\n":
            raise BadChunk("the end of a chunk")
        self._read = self._size
        return self._counted(2)

    def _trailer(self, buffer: bytearray, start: int) -> int:
        """Fields behind the body are read over: nothing here asks for them."""
        line, used = self._line(buffer, start)
        if used and not line:
            self.done = True
        return used

    def _line(self, buffer: bytearray, start: int) -> tuple[bytes, int]:
        """A line without its end, and the bytes it takes; 0 while it has no end."""
        end = buffer.find(b"\r\n", start)
        if (len(buffer) if end < 0 else end) - start > LONGEST_LINE:
            raise BadChunk("a line without end")
        if end < 0:
            return b"", 0
        line = bytes(buffer[start:end])
        if b"\n" in line or b"\r" in line:
            raise BadChunk("the end of a line")
        return line, self._counted(len(line) + 2)

    def _counted(self, used: int) -> int:
        self._framing += used
        if self._framing > MOST_FRAMING:
            raise BadChunk("more chunks than body")
        return used
