"""Servers for DVC remotes on free ports of loopback, as context managers: OpenSSH, s3rver, and Python's HTTP server.

They read no settings of this user. OpenSSH comes from Debian and s3rver from npm, by `make servers`. Where a server is missing, its
tests are skipped, or fail if REQUIRE_SERVERS is set.
"""

import getpass
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

NODE = Path(__file__).parents[2] / ".servers/node_modules/.bin"
ROOT = os.geteuid() == 0
PATIENCE = 60.0  # seconds until a server must accept connections; it takes one or two


@dataclass
class Process:
    """A server process that can be stopped and started again on its port."""

    command: list[str]
    port: int
    log: Path
    environment: dict[str, str] = field(default_factory=dict)
    running: subprocess.Popen | None = None

    def start(self) -> None:
        """Start the server, and return when it accepts connections."""
        with self.log.open("ab") as log:
            self.running = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**os.environ, **self.environment}
            )
        start = time.monotonic()
        while not accepts_connections(self.port):
            late = time.monotonic() - start > PATIENCE
            assert self.running.poll() is None and not late, f"{self.command[0]}: {self.log.read_text()}"
            time.sleep(0.02)

    def stop(self) -> None:
        """Stop the server, and return when it has ended."""
        self.running.terminate()
        try:
            self.running.wait(20)
        except subprocess.TimeoutExpired:
            self.running.kill()
            self.running.wait()

    @contextmanager
    def down(self) -> Iterator[None]:
        """Stop the server while the block runs."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    @contextmanager
    def up(self) -> Iterator[None]:
        """Run the server while the block runs."""
        self.start()
        try:
            yield
        finally:
            self.stop()


@dataclass
class Remote:
    """A DVC remote on a running server: its address, further options of `dvc remote`, environment variables for DVC."""

    url: str
    options: dict[str, str]
    environment: dict[str, str]
    store: Path | None = None  # the server's folder of objects, in the server's layout
    process: Process | None = None


def accepts_connections(port: int) -> bool:
    """Whether a server listens on a port of loopback."""
    with socket.socket() as client:
        client.settimeout(1)
        return client.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    """A port on which no server listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def require_program(program: str | Path) -> str:
    """The path of what `make servers` installs; the test is skipped, or fails, where it is missing."""
    path = shutil.which(program, mode=os.F_OK, path=f"{os.environ['PATH']}{os.pathsep}/usr/sbin")
    if path is None and os.environ.get("REQUIRE_SERVERS"):
        pytest.fail(f"{Path(program).name} is not installed; run `make servers`")
    if path is None:
        pytest.skip(f"{Path(program).name} is not installed; run `make servers`")
    return path


@contextmanager
def server_folder() -> Iterator[Path]:
    """A new temporary folder with an empty folder `store`."""
    folder = Path(tempfile.mkdtemp(prefix="remote-"))
    try:
        (folder / "store").mkdir()
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def openssh() -> Iterator[Remote]:
    """SFTP with a key; HOME of DVC's process is an empty folder: no known_hosts, no keys of this user."""
    program, keygen = require_program("sshd"), require_program("ssh-keygen")
    with server_folder() as folder:
        folder.chmod(0o755)
        for name in ("host", "key"):
            subprocess.run([keygen, "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
        if ROOT:
            Path("/run/sshd").mkdir(exist_ok=True)  # sshd refuses to start without it; the system creates it at boot
        port = free_port()
        (folder / "sshd_config").write_text(SSHD.format(folder=folder, port=port))
        (folder / "home/.ssh").mkdir(parents=True)
        process = Process([program, "-D", "-e", "-f", str(folder / "sshd_config")], port, folder / "log")
        options = {"port": str(port), "user": getpass.getuser(), "keyfile": str(folder / "key")}
        environment = {"HOME": str(folder / "home"), "SSH_AUTH_SOCK": ""}
        with process.up():
            yield Remote(f"ssh://127.0.0.1{folder}/store", options, environment, folder / "store", process)


SSHD = """
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host
AuthorizedKeysFile {folder}/key.pub
PidFile none
UsePAM no
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
Subsystem sftp internal-sftp
"""


@contextmanager
def read_only_sftp(remote: Remote) -> Iterator[None]:
    """Restart `openssh()` read-only while the block runs."""
    path = remote.store.parent / "sshd_config"
    config = path.read_text()
    with remote.process.down():
        path.write_text(config.replace("internal-sftp", "internal-sftp -R"))
    yield
    with remote.process.down():
        path.write_text(config)


@contextmanager
def s3rver() -> Iterator[Remote]:
    """S3 with a bucket `dvc`; objects are files in the store whose names end in `._S3rver_object`."""
    program = require_program(NODE / "s3rver")
    with server_folder() as folder:
        port = free_port()
        arguments = ["--directory", str(folder / "store"), "--address", "127.0.0.1", "--port", str(port)]
        process = Process([program, *arguments, "--configure-bucket", "dvc"], port, folder / "log")
        options = {
            "endpointurl": f"http://127.0.0.1:{port}",
            "access_key_id": "S3RVER",
            "secret_access_key": "S3RVER",
            "region": "us-east-1",
        }
        (folder / "aws").touch()
        environment = {"AWS_CONFIG_FILE": str(folder / "aws"), "AWS_SHARED_CREDENTIALS_FILE": str(folder / "aws")}
        with process.up():
            yield Remote("s3://dvc/webtoon-genre", options, environment, folder / "store", process)


class QuietHandler(SimpleHTTPRequestHandler):
    """Files of a folder by GET and HEAD, without a log."""

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@contextmanager
def http(store: Path) -> Iterator[Remote]:
    """A folder that is a remote, by HTTP, to read."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(store))) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield Remote(f"http://127.0.0.1:{server.server_port}", {}, {}, store)
        finally:
            server.shutdown()
            thread.join()
