"""Mails and webhooks over TLS: to servers whose certificates are good, and to those whose are not."""

from datetime import timedelta
from ipaddress import ip_address, ip_network

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from tests.alerts.build import messages, rule
from tests.alerts.sending.receivers import mail_server, receiver
from tests.alerts.sending.test_delivery import leave, send_all
from tests.keys.certificates import build

HERE = x509.IPAddress(ip_address("127.0.0.1"))


class Authority:
    def __init__(self, directory):
        self.directory, self.own = directory, build.made("Authority of Acme")
        self.pem = self._certificate(self.own, x509.BasicConstraints(ca=True, path_length=None)).pem

    def file(self, name, *, of=HERE, end=30, signed=True):
        """The file of a certificate for an address, with its key."""
        made = build.made(name, end=end)
        made = self._certificate(made, x509.SubjectAlternativeName([of]), signed=signed)
        path = self.directory / f"{name}.pem"
        path.write_text(made.pem + made.key_pem)
        return path

    def _certificate(self, made, extension, *, signed=True):
        of = made.certificate
        builder = (
            x509.CertificateBuilder()
            .subject_name(of.subject)
            .issuer_name(self.own.certificate.subject if signed else of.subject)
            .public_key(made.key.public_key())
            .serial_number(of.serial_number)
            .not_valid_before(of.not_valid_before_utc - timedelta(days=9))
            .not_valid_after(of.not_valid_after_utc)
            .add_extension(extension, critical=False)
        )
        return build.Made(builder.sign(self.own.key if signed else made.key, SHA256()), made.key)


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.mark.parametrize("how", ["tls", "ssl"])
def test_a_mail_goes_over_tls_to_a_server_whose_certificate_is_signed_by_somebody_known(
    how, authority, tmp_path, settings, cast
):
    made = rule(cast.acme, mails=["ada@acme.example"])
    with mail_server(tmp_path, how, authority.file(how)) as server:
        settings.EMAIL_SERVER = server.settings | {f"use_{how}": True}
        leave(made)
        send_all()
        # Nothing of it was sent: it waits for whatever comes next.
        assert (server.mails, messages(cast.acme)[0].digest) == ([], "")
        settings.TRUSTED_CERTIFICATES = authority.pem
        leave(made)
        send_all()
        assert [each["Subject"] for each in server.mails] == ["[Acme Retail] Alert: Errors"]
    assert [row.last_error for row in messages(cast.acme)] == [
        "the mail server's certificate is not accepted: whoever signed it is not known here",
        "",
    ]


def test_a_webhook_goes_to_a_receiver_whose_certificate_is_good_and_to_no_other(authority, settings, cast):
    settings.ALERT_WEBHOOK_NETWORKS = [ip_network("127.0.0.0/8")]
    settings.TRUSTED_CERTIFICATES = authority.pem
    told = {}
    for name, facts in {
        "good": {},
        "own": {"signed": False},
        "expired": {"end": -1},
        "other": {"of": x509.DNSName("canary.example")},
    }.items():
        with receiver(authority.file(name, **facts)) as there:
            leave(rule(cast.acme, webhook=f"{there.url}/hook"))
            send_all()
            told[name] = (messages(cast.acme)[-1].last_error, len(there.taken))
    refused = "its certificate is not accepted: "
    assert told == {
        "good": ("", 1),
        "own": (f"{refused}it is signed by itself", 0),
        "expired": (f"{refused}it has expired", 0),
        "other": (f"{refused}it is of another name", 0),
    }
