"""Real mail servers for the tests: Dovecot and Postfix from Debian, each a private instance on free ports, with a
certificate of a test authority. They are started by the tests and share nothing with the machine's own."""

from __future__ import annotations

import contextlib
import getpass
import imaplib
import itertools
import os
import pwd
import shutil
import signal
import smtplib
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from duly_connectors.outbound import Network
from support.services import missing

PASSWORD = "of-a-mailbox"
DAEMONS = "/usr/lib/postfix/sbin"
START_SECONDS = 30


def needed(program: str, package: str) -> str:
    """The path of a server's program; the test is skipped where it is missing, and fails in CI."""
    found = shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    if found is None:
        missing(f"{program} is missing: install Debian's {package}")
    return found


_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 12
_PORTS = itertools.cycle(range(20_000 + 1000 * _WORKER, 21_000 + 1000 * _WORKER))


def free_port() -> int:
    """A port that nobody else takes before the server does: below those that systems deal out (32768 or 49152 upwards), and
    each worker has its own thousand."""
    for port in _PORTS:
        with socket.socket() as free:
            free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                free.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("unreachable: the ports go round")


class Authority:
    """Makes one certificate for this machine, and the client side that trusts it."""

    def __init__(self, folder: Path) -> None:
        self.certificate = folder / "certificate.pem"
        self.key = folder / "key.pem"
        names = "subjectAltName=DNS:localhost,IP:127.0.0.1"
        made = [needed("openssl", "openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650"]
        made += ["-subj", "/CN=Duly tests", "-addext", names, "-keyout", str(self.key), "-out", str(self.certificate)]
        subprocess.run(made, check=True, capture_output=True)

    def network(self) -> Network:
        """A network that reaches this machine and trusts the authority."""
        network = Network(allow_private=True)
        network._tls = ssl.create_default_context(cafile=str(self.certificate))
        return network


class Server:
    """A server's process in the foreground; `log` is what it said. `whole`: its children are told to end as well, who would
    hold on to their connections for ten seconds after their parent is gone."""

    def __init__(self, command: list[str], log: Path, port: int, *, whole: bool = False) -> None:
        self._command = command
        self._whole = whole
        self._log = log
        self._port = port
        self._running: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            # The leader of a group: what it has started ends with it.
            self._running = subprocess.Popen(self._command, stdout=log, stderr=log, start_new_session=True)
        until = time.monotonic() + START_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", self._port), timeout=1).close()
                return
            except OSError:
                if self._running.poll() is not None or time.monotonic() > until:
                    raise AssertionError(f"{self._command[0]} did not start:\n{self._log.read_text()[-3000:]}") from None
                time.sleep(0.05)  # another program's start: there is nothing to wait on

    def stop(self) -> None:
        if self._running is not None:
            if self._whole:
                os.killpg(self._running.pid, signal.SIGTERM)
            else:
                self._running.terminate()
            try:
                self._running.wait(20)
            except subprocess.TimeoutExpired:
                self._running.kill()
                self._running.wait(20)
            self._running = None


@contextlib.contextmanager
def open_folder() -> Iterator[Path]:
    """A folder that servers running as others can reach."""
    folder = Path(tempfile.mkdtemp(prefix="duly-mail-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Dovecot:
    """Anybody with PASSWORD has a mailbox. `idle` False: the server says it can't do IDLE. `tokens`: where it asks whose an
    OAuth2 access token is; then those are taken, too, by the mechanisms of `bearers`."""

    def __init__(
        self,
        folder: Path,
        authority: Authority,
        *,
        idle: bool = True,
        tokens: str = "",
        bearers: str = "xoauth2 oauthbearer",
    ) -> None:
        program = needed("dovecot", "dovecot-imapd and dovecot-lmtpd")
        self.imap, self.imaps, self.lmtp = free_port(), free_port(), free_port()
        self.sasl = folder / "run" / "sasl"
        self.mail = folder / "mail"
        self.mail.mkdir()
        root = os.geteuid() == 0
        owner = pwd.getpwnam("mail") if root else pwd.getpwuid(os.geteuid())
        os.chown(self.mail, owner.pw_uid, owner.pw_gid)
        me = getpass.getuser() if not root else ""
        users = f"default_internal_user = {me}\ndefault_login_user = {me}\ndefault_internal_group = \n" if me else ""
        without_idle = "" if idle else "imap_capability = IMAP4rev1 UIDPLUS LITERAL+\n"
        mechanisms, oauth = "plain login", ""
        if tokens:
            (folder / "oauth2.conf").write_text(
                f"tokeninfo_url = {tokens}\nusername_attribute = user\nactive_attribute = active\nactive_value = yes\n"
            )
            mechanisms = f"plain login {bearers}"
            oauth = f"passdb {{\n  driver = oauth2\n  mechanisms = {bearers}\n  args = {folder}/oauth2.conf\n}}\n"
        config = folder / "dovecot.conf"
        config.write_text(
            f"""
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
protocols = imap lmtp
listen = 127.0.0.1
{users}
first_valid_uid = 1
mail_location = maildir:{self.mail}/%u
auth_mechanisms = {mechanisms}
disable_plaintext_auth = no
ssl = yes
ssl_cert = <{authority.certificate}
ssl_key = <{authority.key}
{oauth}passdb {{
  driver = static
  mechanisms = plain login
  args = password={PASSWORD}
}}
userdb {{
  driver = static
  args = uid={owner.pw_uid} gid={owner.pw_gid} home={self.mail}/%u allow_all_users=yes
}}
protocol imap {{
  {without_idle}
  mail_max_userip_connections = 50
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {self.imap}
  }}
  inet_listener imaps {{
    port = {self.imaps}
    ssl = yes
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    port = {self.lmtp}
  }}
}}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
auth_failure_delay = 0
service auth {{
  unix_listener sasl {{
    mode = 0666
  }}
}}
"""
        )
        self._server = Server([program, "-F", "-c", str(config)], folder / "dovecot.log", self.imap, whole=True)

    def start(self) -> None:
        self._server.start()

    def stop(self) -> None:
        self._server.stop()

    def url(self, user: str, folder: str = "INBOX") -> str:
        return f"imaps://{user.replace('@', '%40')}:{PASSWORD}@localhost:{self.imaps}/{folder}"

    def deliver(self, user: str, data: bytes) -> None:
        with smtplib.LMTP("127.0.0.1", self.lmtp) as client:
            client.sendmail("somebody@customer.example", [user], data)

    @contextlib.contextmanager
    def box(self, user: str) -> Iterator[imaplib.IMAP4]:
        """The mailbox as its owner sees it."""
        client = imaplib.IMAP4("127.0.0.1", self.imap)
        try:
            client.login(user, PASSWORD)
            client.select("INBOX")
            yield client
        finally:
            client.logout()

    def seen(self, user: str) -> int:
        """How many mails are marked as seen."""
        with self.box(user) as client:
            return len(client.search(None, "SEEN")[1][0].split())

    def messages(self, user: str) -> list[bytes]:
        with self.box(user) as client:
            names = client.search(None, "ALL")[1][0].split()
            fetched = [client.fetch(name.decode(), "(BODY.PEEK[])")[1][0] for name in names]
            return [each[1] for each in fetched if isinstance(each, tuple)]

    def made_anew(self, user: str) -> None:
        """The same mails in a mailbox with another UIDVALIDITY, as after a restore."""
        self.stop()
        home = self.mail / user
        for name in ("dovecot-uidlist", "dovecot.index", "dovecot.index.log", "dovecot.index.cache"):
            (home / name).unlink(missing_ok=True)
        self.start()


@contextlib.contextmanager
def dovecot(authority: Authority, **options: Any) -> Iterator[Dovecot]:
    """A running one, in a folder of its own; `options` are those of Dovecot."""
    with open_folder() as folder:
        server = Dovecot(folder, authority, **options)
        server.start()
        try:
            yield server
        finally:
            server.stop()


class Postfix:
    """Takes mail for any address and hands it on by LMTP: to `routes[domain]`, else to `lmtp`. `sasl`: the socket of a
    Dovecot who says who may; then it takes mail only of those, and under TLS."""

    def __init__(
        self, folder: Path, authority: Authority, lmtp: int, routes: dict[str, int], sasl: Path | None = None
    ) -> None:
        program = needed("postfix", "postfix")
        if os.geteuid() != 0:
            missing("Postfix can be started by root only")
        self.port = free_port()
        home = folder / "postfix"
        config, queue, data = home / "etc", home / "queue", home / "data"
        for made in (config, queue, data):
            made.mkdir(parents=True)
        shutil.chown(data, "postfix")
        inner = free_port()
        named = ", ".join(f"{domain}=lmtp:inet:127.0.0.1:{port}" for domain, port in routes.items())
        transports = f"transport_maps = inline:{{{named}}}" if named else ""
        allowed = "mynetworks = 127.0.0.0/8\nsmtpd_relay_restrictions = permit_mynetworks, reject"
        if sasl is not None:
            allowed = (
                "smtpd_relay_restrictions = permit_sasl_authenticated, reject\nsmtpd_sasl_auth_enable = yes\n"
                f"smtpd_sasl_type = dovecot\nsmtpd_sasl_path = {sasl}\nsmtpd_tls_auth_only = yes"
            )
        (config / "main.cf").write_text(
            f"""
compatibility_level = 3.6
queue_directory = {queue}
data_directory = {data}
daemon_directory = {DAEMONS}
command_directory = /usr/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = {home}/log
maillog_file_prefixes = {home}
myhostname = mx.test
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
{allowed}
local_transport = error:none
default_transport = lmtp:inet:127.0.0.1:{lmtp}
{transports}
alias_maps =
alias_database =
smtpd_tls_security_level = may
smtpd_tls_cert_file = {authority.certificate}
smtpd_tls_key_file = {authority.key}
minimal_backoff_time = 1s
maximal_backoff_time = 2s
queue_run_delay = 1s
message_size_limit = 40000000
smtpd_error_sleep_time = 0
"""
        )
        (config / "master.cf").write_text(
            f"""
127.0.0.1:{self.port} inet n - n - - smtpd
127.0.0.1:{inner} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 1 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
lmtp unix - - n - - lmtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""
        )
        done = subprocess.run([program, "-c", str(config), "check"], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        # Not `postfix start-fg`: that is a script, whose end leaves the servers behind.
        master = [f"{DAEMONS}/master", "-c", str(config), "-d"]
        self._server = Server(master, home / "output", self.port)
        self.log = home / "log"

    def start(self) -> None:
        self._server.start()

    def stop(self) -> None:
        self._server.stop()

    def send(self, sender: str, recipient: str, data: bytes) -> None:
        with smtplib.SMTP("127.0.0.1", self.port) as client:
            client.sendmail(sender, [recipient], data)


def written(
    subject: str = "Where is my order?",
    text: str = "It is late.\n",
    *,
    sender: str = "Carla <carla@customer.example>",
    to: str = "support@support.example",
    name: str = "",
    size: int = 0,
) -> bytes:
    """A mail. `size`: bytes of a file that comes along."""
    message = EmailMessage()
    message["From"] = sender
    message["To"] = to
    message["Subject"] = subject
    message["Message-ID"] = f"<{name or subject.replace(' ', '-')}@customer.example>"
    message["Date"] = "Mon, 02 Mar 2026 09:00:00 +0000"
    message.set_content(text)
    if size:
        message.add_attachment(b"\0" * size, maintype="application", subtype="octet-stream", filename="big.bin")
    return message.as_bytes()
