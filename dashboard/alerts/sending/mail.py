"""Messages to one address as one mail, by the server that EMAIL_URL names."""

import contextlib
import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from email.utils import parseaddr
from functools import partial

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.smtp import EmailBackend

from dashboard.alerts.models import Message
from dashboard.alerts.sending.outbox import Failed
from dashboard.alerts.sending.words import body_of, subject_of
from orgs.http import outgoing

TIMEOUT = 10  # seconds, for each thing that is read from the server
LONGEST = 30.0  # seconds, from connecting to the end: one that drips its answers is never silent for as long


class _Connection(smtplib.SMTP):
    """One that is cut after LONGEST. ending: what is left when it is not needed any more."""

    def __init__(self, ending: contextlib.ExitStack, *arguments, **named):
        self.ending = ending
        super().__init__(*arguments, **named)

    def _get_socket(self, *arguments):
        # Within it nothing can be reached from outside: the greeting is read before there is a connection to hold.
        made = super()._get_socket(*arguments)
        self.ending.enter_context(_cut_when_late(made))
        return made


class _ConnectionOverTls(smtplib.SMTP_SSL, _Connection):
    """In this order, so that the handshake is limited too."""

    def __init__(self, ending: contextlib.ExitStack, *arguments, **named):
        self.ending = ending
        super().__init__(*arguments, **named)


class _Server(EmailBackend):
    def __init__(self, ending: contextlib.ExitStack, **named):
        super().__init__(**named)
        self.ending = ending

    @property
    def connection_class(self):
        return partial(_ConnectionOverTls if self.use_ssl else _Connection, self.ending)


@contextlib.contextmanager
def _cut_when_late(connected: socket.socket) -> Iterator[None]:
    # TLS takes the socket away, but not another of the same connection.
    with connected.dup() as same:
        watchdog = threading.Timer(LONGEST, _cut, [same])
        watchdog.start()
        try:
            yield
        finally:
            watchdog.cancel()
            watchdog.join()


def _cut(connected: socket.socket) -> None:
    with contextlib.suppress(OSError):  # it has just been closed by the server
        connected.shutdown(socket.SHUT_RDWR)


def is_on() -> bool:
    return bool(settings.EMAIL_SERVER)


def send(rows: Sequence[Message]) -> None:
    """One mail that tells all of these, which are to one address. Its Message-ID stays the same when it is sent again.
    Raises Failed."""
    if not is_on():
        raise Failed("mail is off: EMAIL_URL is not set")
    with contextlib.ExitStack() as ending:
        _send(rows, _Server(ending, **settings.EMAIL_SERVER, timeout=TIMEOUT))


def _send(rows: Sequence[Message], server: _Server) -> None:
    server.ssl_context = outgoing.tls()
    facts = [row.facts for row in rows]
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2]
    mail = EmailMessage(
        subject_of(facts),
        body_of(facts),
        to=[rows[0].address],
        headers={"Message-ID": f"<{rows[0].digest}@{domain}>", "Auto-Submitted": "auto-generated"},
        connection=server,
    )
    unsent = True
    try:
        server.open()
        unsent = False
        mail.send()
    except smtplib.SMTPRecipientsRefused as error:
        code = next(iter(error.recipients.values()))[0]
        raise Failed(f"the mail server refuses the address ({code})", for_good=code >= 500) from None
    except smtplib.SMTPResponseException as error:
        raise Failed(f"the mail server answers {error.smtp_code}", unsent=unsent) from None
    except ssl.SSLCertVerificationError as error:
        why = outgoing.why_not_accepted(error)
        raise Failed(f"the mail server's certificate is not accepted: {why}", unsent=True) from None
    except (smtplib.SMTPException, OSError, ValueError) as error:
        why = type(error).__name__
        raise Failed(f"the mail server cannot be used ({why})", unsent=unsent) from None
    finally:
        # Which it leaves open where the conversation did not begin.
        with contextlib.suppress(smtplib.SMTPException, OSError):
            server.close()
