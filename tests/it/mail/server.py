"""A mail server that tests speak to: aiosmtpd, with a certificate or without.

server.py PORT MODE [CERTIFICATE KEY]

MODE is `starttls`, `tls` or `plain`. It wants ann and hunter2, writes each message as a line of JSON
to stdout, and refuses mail to an address that begins with `refused`.
"""

import json
import ssl
import sys
import time

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("refused"):
            return "550 5.1.1 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        message = {
            "to": envelope.rcpt_tos,
            "from": envelope.mail_from,
            # Within TLS from the start there is no other way in, and the session does not say it.
            "encrypted": session.ssl is not None or mode == "tls",
            "raw": envelope.content.decode("utf-8", "replace"),
        }
        print(json.dumps(message), flush=True)
        return "250 kept"


def authenticate(server, session, envelope, mechanism, data):
    right = isinstance(data, LoginPassword) and data == LoginPassword(b"ann", b"hunter2")
    # Not handled: the server answers.
    return AuthResult(success=right, handled=False)


port, mode = int(sys.argv[1]), sys.argv[2]
context = None
if mode != "plain":
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(sys.argv[3], sys.argv[4])
secured = {"starttls": {"tls_context": context, "require_starttls": True}}
controller = Controller(
    Handler(),
    hostname="127.0.0.1",
    port=port,
    ssl_context=context if mode == "tls" else None,
    authenticator=authenticate,
    auth_required=mode != "plain",
    auth_require_tls=mode == "starttls",
    **secured.get(mode, {}),
)
controller.start()
while True:
    time.sleep(60)
