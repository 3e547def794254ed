"""Messages to one address as one mail, by the server that EMAIL_URL names."""

import contextlib
import smtplib
import ssl
from collections.abc import Sequence
from email.utils import parseaddr

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.smtp import EmailBackend

from dashboard.alerts.models import Message
from dashboard.alerts.sending.outbox import Failed
from dashboard.alerts.sending.words import body_of, subject_of
from orgs.http import outgoing

TIMEOUT = 10  # seconds, for each answer of the server


def is_on() -> bool:
    return bool(settings.EMAIL_SERVER)


def send(rows: Sequence[Message]) -> None:
    """One mail that tells all of these, which are to one address. Its Message-ID stays the same when it is sent again.
    Raises Failed."""
    if not is_on():
        raise Failed("mail is off: EMAIL_URL is not set")
    server = EmailBackend(**settings.EMAIL_SERVER, timeout=TIMEOUT)
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
