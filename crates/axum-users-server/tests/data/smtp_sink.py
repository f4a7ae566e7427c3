"""An SMTP server for tests: it takes every mail and appends it, as one JSON line, to a file.

    python smtp_sink.py --out mails.jsonl [--port 0] [--login USER:PASSWORD]
        [--starttls CERT.pem KEY.pem | --tls CERT.pem KEY.pem]

It listens on 127.0.0.1 and prints one line, `listening on PORT`, when it is ready. A line of the file holds
rcpt_to, tls, login, from, to, subject, text, html, and links: the URLs of text and html, each once, in order.
"""

import argparse
import email
import email.policy
import json
import logging
import re
import signal
import ssl
import warnings

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

LINK = re.compile(r"""https?://[^\s"'<>()\[\]]+""")


def content(message, kind):
    part = message.get_body(preferencelist=(kind,))
    return part.get_content() if part is not None else None


def tls(files):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*files)
    return context


class Sink:
    def __init__(self, out):
        self.out = out

    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        text, html = content(message, "plain"), content(message, "html")
        bodies = (text or "") + "\n" + (html or "").replace("&amp;", "&")
        login = session.auth_data.login.decode() if isinstance(session.auth_data, LoginPassword) else None
        line = {
            "rcpt_to": envelope.rcpt_tos,
            "tls": session.ssl is not None or bool(server.transport.get_extra_info("sslcontext")),
            "login": login,
            "from": str(message["from"]),
            "to": str(message["to"]),
            "subject": str(message["subject"]),
            "text": text,
            "html": html,
            "links": list(dict.fromkeys(LINK.findall(bodies))),
        }
        # One write of one whole line, so that a reader never sees half a mail.
        with open(self.out, "a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
        return "250 2.0.0 taken"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--login")
    parser.add_argument("--starttls", nargs=2, metavar=("CERT", "KEY"))
    parser.add_argument("--tls", nargs=2, metavar=("CERT", "KEY"))
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.getLogger("mail").setLevel(logging.CRITICAL)

    settings = {}
    if arguments.login:
        wanted = tuple(part.encode() for part in arguments.login.split(":", 1))

        def check(server, session, envelope, mechanism, data):
            good = isinstance(data, LoginPassword) and (data.login, data.password) == wanted
            return AuthResult(success=good, handled=False, auth_data=data if good else None)

        settings |= {"authenticator": check, "auth_required": True, "auth_require_tls": False}
    if arguments.starttls:
        settings |= {"tls_context": tls(arguments.starttls), "require_starttls": True}

    class Quiet(Controller):
        def factory(self):
            return SMTP(self.handler, hostname="sink.test", enable_SMTPUTF8=True, ident="sink", **settings)

        def _trigger_server(self):
            # The controller would connect to the port it was given, which is 0.
            self.port = self.server.sockets[0].getsockname()[1]
            super()._trigger_server()

    open(arguments.out, "a", encoding="utf-8").close()
    whole = tls(arguments.tls) if arguments.tls else None
    controller = Quiet(Sink(arguments.out), hostname="127.0.0.1", port=arguments.port, ssl_context=whole)
    controller.start()
    print(f"listening on {controller.port}", flush=True)
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    controller.stop()


if __name__ == "__main__":
    main()
