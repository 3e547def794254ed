"""Requests found in the bytes of one connection. No socket here.

gunicorn's own parser reads every head, so there is only one opinion on where a body ends. Chunked bodies are
joined here, and the application is given their length like that of any other.
"""

from io import BytesIO

from gunicorn.http.body import ChunkedReader
from gunicorn.http.errors import InvalidRequestLine, LimitRequestHeaders, NoMoreData
from gunicorn.http.message import Request
from gunicorn.http.unreader import IterUnreader

from dashboard.web.chunks import Chunks
from dashboard.web.limits import LARGEST_BODY, LARGEST_HEAD

END_OF_HEAD = b"\r\n\r\n"


class Reader:
    """`take` bytes as they come, then ask for `whole` requests until it answers None.

    `head`: the request whose body is not complete yet, else None.
    """

    def __init__(self, cfg, client):
        self.cfg, self.client = cfg, client
        self.buffer = bytearray()
        self.head: Request | None = None
        self._chunks: Chunks | None = None
        self._length = 0
        self._searched = 0
        self._asked = False

    def take(self, data: bytes) -> None:
        self.buffer += data

    @property
    def held(self) -> int:
        """Bytes kept of requests that are not complete."""
        return len(self.buffer) + (len(self._chunks.body) if self._chunks else 0)

    def whole(self) -> Request | None:
        """The next request with all of its body, None until there is one.

        A body that is too large is not waited for: the request comes without it, its length said, and asks for the
        connection to be closed. Raises BadChunk and gunicorn's exceptions for what is no request.
        """
        if self.head is None and not self._read_head():
            return None
        body = self._body()
        if body is None:
            return None
        request, self.head, self._chunks = self.head, None, None
        request.body = BytesIO(body)
        return request

    def wants_continue(self) -> bool:
        """Whether the client waits for 100 Continue before it sends the body; True once for a request."""
        expects = self.head is not None and self.head.version >= (1, 1) and not self.held
        expects = expects and not self._asked and any(name == "EXPECT" for name, _ in self.head.headers)
        self._asked = True
        return expects

    def _read_head(self) -> bool:
        end = self.buffer.find(END_OF_HEAD, max(0, self._searched - 3))
        self._searched = len(self.buffer)
        if (len(self.buffer) if end < 0 else end) > LARGEST_HEAD:
            raise LimitRequestHeaders("the head of a request")
        if end < 0:
            return False
        end += len(END_OF_HEAD)
        head = bytes(self.buffer[:end])
        del self.buffer[:end]
        self._searched, self._asked = 0, False
        self.head = parsed(self.cfg, head, self.client)
        if isinstance(self.head.body.reader, ChunkedReader):
            self._chunks = Chunks()
        else:
            self._length = self.head.body.reader.length
        return True

    def _body(self) -> bytes | None:
        if self._chunks is not None:
            return self._chunked()
        if self._length > LARGEST_BODY:
            self.head.force_close()
            return b""
        if len(self.buffer) < self._length:
            return None
        body = bytes(self.buffer[: self._length])
        del self.buffer[: self._length]
        return body

    def _chunked(self) -> bytes | None:
        self._chunks.take(self.buffer)
        too_large = self._chunks.length > LARGEST_BODY
        if not (self._chunks.done or too_large):
            return None
        kept = [(name, value) for name, value in self.head.headers if name != "TRANSFER-ENCODING"]
        self.head.headers = [*kept, ("CONTENT-LENGTH", str(self._chunks.length))]
        if too_large:
            self.head.force_close()
            return b""
        return bytes(self._chunks.body)


def parsed(cfg, head: bytes, client) -> Request:
    """gunicorn's reading of a head which ends with an empty line. Raises gunicorn's exceptions."""
    unreader = IterUnreader([head])
    try:
        request = Request(cfg, unreader, client)
    except (NoMoreData, StopIteration):
        raise InvalidRequestLine("the head ends early") from None
    if unreader.take_buffered():
        raise InvalidRequestLine("the head ends late")
    return request
