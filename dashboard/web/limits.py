"""How much and how long a client of the web server may take. Bytes and seconds.

Neither Django nor gunicorn is needed to read them: both are set by them.
"""

LARGEST_HEAD = 64 * 1024
LARGEST_BODY = 2 * 1024 * 1024
MOST_FRAMING = 64 * 1024  # sizes, ends and trailers of the chunks of one body
MOST_BUFFERED = 64 * 1024 * 1024  # bodies which one process holds, unfinished or not yet answered

HEAD_SECONDS = 10  # from the first byte; as long for the first byte of a new connection
BODY_SECONDS = 30  # head and body
SENDING_SECONDS = 30  # a gateway gives up after so long; larger answers get longer
SLOWEST_READER = 16 * 1024  # bytes a second
CLOSING_SECONDS = 2  # how long what a client still sends is thrown away, so that it reads the last answer
