"""A mail server as a process of its own: `python smtp_server.py FILE [tls|ssl CERTIFICATE]`. It says its port, takes
mails one after the other, each a line of JSON in the file, and behaves as the receiver's name says:

    refused@…   there is no such mailbox (550)
    later@…     not now (451), the first time it is named
    hangs@…     no answer
    drops@…     the mail is taken and kept, and the connection cut before it is said so, the first time
"""

import json
import socket
import ssl
import sys

seen: set[str] = set()


def first_time(address: str) -> bool:
    known = address in seen
    seen.add(address)
    return not known


def converse(client: socket.socket, kept, starts: ssl.SSLContext | None, *, greets=True) -> None:
    """starts: with what TLS is begun when it is asked for. Nothing is taken in clear where it may be."""
    with client, client.makefile("rwb") as stream:

        def say(text: str) -> None:
            stream.write(f"{text}\r\n".encode())
            stream.flush()

        if greets:
            say("220 mail.example")
        sender, receiver = "", ""
        while line := stream.readline().decode().rstrip("\r\n"):
            verb = line[:4].upper()
            if starts and verb == "STAR":
                say("220 go on")
                return converse(starts.wrap_socket(client, server_side=True), kept, None, greets=False)
            if starts and verb not in ("EHLO", "QUIT"):
                say("530 TLS first")
                continue
            if verb == "MAIL":
                sender = line
            if verb == "RCPT":
                receiver = line.partition("<")[2].partition(">")[0]
                name = receiver.partition("@")[0]
                if name == "hangs":
                    client.recv(1)
                if name == "refused" or (name == "later" and first_time(receiver)):
                    say("550 no such mailbox" if name == "refused" else "451 try again later")
                    continue
            if verb == "DATA":
                say("354 go on")
                lines = []
                while (text := stream.readline()) not in (b".\r\n", b""):
                    lines.append(text)
                kept.write(json.dumps([sender, receiver, b"".join(lines).decode()]) + "\n")
                kept.flush()
                if receiver.startswith("drops@") and first_time(receiver):
                    return
            greeting = "250-mail.example\r\n250 STARTTLS" if starts else "250 mail.example"
            say({"EHLO": greeting, "QUIT": "221 bye"}.get(verb, "250 OK"))
            if verb == "QUIT":
                return


def main() -> None:
    context, how = None, sys.argv[2:3]
    if how:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[3])
    with socket.create_server(("127.0.0.1", 0)) as server, open(sys.argv[1], "a") as kept:
        print(server.getsockname()[1], flush=True)
        while True:
            client, _ = server.accept()
            try:
                if how == ["ssl"]:
                    client = context.wrap_socket(client, server_side=True)
                converse(client, kept, context if how == ["tls"] else None)
            except OSError:
                continue


main()
