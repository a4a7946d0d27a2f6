"""Servers for DVC remotes on free ports of loopback, as context managers: OpenSSH, Apache, s3rver, Azurite.

They read no settings of this user. They come from Debian's packages and npm by `make servers`. Where one is not there a test is skipped,
or fails if REQUIRE_SERVERS is set.
"""

import base64
import getpass
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from hashlib import sha1
from pathlib import Path

import pytest
from azure.storage.blob import BlobServiceClient

NODE = Path(__file__).parents[2] / ".servers/node_modules/.bin"
APACHE_MODULES = Path("/usr/lib/apache2/modules")
ROOT = os.geteuid() == 0
PATIENCE = 60.0  # seconds until a server answers; it takes one or two
KEY = base64.b64encode(b"of no account" * 4).decode()  # Azurite's accounts and their keys are what we say they are


@dataclass
class Process:
    """A server that can be stopped and started again on its port."""

    command: list[str]
    port: int
    log: Path
    environment: dict[str, str] = field(default_factory=dict)
    running: subprocess.Popen | None = None

    def start(self) -> None:
        """Return when it accepts connections."""
        with self.log.open("ab") as log:
            self.running = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**os.environ, **self.environment}
            )
        began = time.monotonic()
        while not accepts(self.port):
            late = time.monotonic() - began > PATIENCE
            assert self.running.poll() is None and not late, f"{self.command[0]}: {self.log.read_text()}"
            time.sleep(0.02)

    def stop(self) -> None:
        """Return when it has ended."""
        self.running.terminate()
        try:
            self.running.wait(20)
        except subprocess.TimeoutExpired:
            self.running.kill()
            self.running.wait()

    @contextmanager
    def down(self) -> Iterator[None]:
        """No server on its port while the block runs."""
        self.stop()
        try:
            yield
        finally:
            self.start()


@dataclass
class Served:
    """A DVC remote on a running server: its address, further options of `dvc remote`, variables of the environment for DVC."""

    url: str
    options: dict[str, str]
    environment: dict[str, str]
    store: Path | None = None  # where the server keeps objects, in a layout of its own
    process: Process | None = None


def accepts(port: int) -> bool:
    """Whether somebody listens on a port of loopback."""
    with socket.socket() as caller:
        caller.settimeout(1)
        return caller.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def need(program: str | Path) -> str:
    """The path of a server's program; the test is skipped, or fails, where it is not installed."""
    found = shutil.which(program, path=f"{os.environ['PATH']}{os.pathsep}/usr/sbin")
    if found is None and os.environ.get("REQUIRE_SERVERS"):
        pytest.fail(f"{Path(program).name} is not installed; run `make servers`")
    if found is None:
        pytest.skip(f"{Path(program).name} is not installed; run `make servers`")
    return found


@contextmanager
def workplace() -> Iterator[Path]:
    """A new folder that other users may enter: Apache serves as one of them."""
    folder = Path(tempfile.mkdtemp(prefix="remote-"))
    folder.chmod(0o755)
    try:
        (folder / "store").mkdir()
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def serving(process: Process) -> Iterator[None]:
    """The process runs while the block does."""
    process.start()
    try:
        yield
    finally:
        process.stop()


@contextmanager
def openssh() -> Iterator[Served]:
    """SFTP with a key; the home folder of DVC's process is an empty one of ours: no known_hosts, no keys of this user."""
    program, keygen = need("sshd"), need("ssh-keygen")
    with workplace() as folder:
        for name in ("host", "key"):
            subprocess.run([keygen, "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
        if ROOT:
            Path("/run/sshd").mkdir(exist_ok=True)  # sshd refuses to start without it; the system makes it at boot
        port = free_port()
        (folder / "sshd_config").write_text(SSHD.format(folder=folder, port=port))
        (folder / "home/.ssh").mkdir(parents=True)
        process = Process([program, "-D", "-e", "-f", str(folder / "sshd_config")], port, folder / "log")
        options = {"port": str(port), "user": getpass.getuser(), "keyfile": str(folder / "key")}
        environment = {"HOME": str(folder / "home"), "SSH_AUTH_SOCK": ""}
        with serving(process):
            yield Served(f"ssh://127.0.0.1{folder}/store", options, environment, folder / "store", process)


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
def read_only_sftp(served: Served) -> Iterator[None]:
    """`openssh()` started anew, read-only."""
    config = served.store.parent / "sshd_config"
    usual = config.read_text()
    with served.process.down():
        config.write_text(usual.replace("internal-sftp", "internal-sftp -R"))
    yield
    with served.process.down():
        config.write_text(usual)


@contextmanager
def apache() -> Iterator[Served]:
    """WebDAV with a password; `read_only_location` and `plain` give the same store another address."""
    program = need("apache2")
    with workplace() as folder:
        digest = base64.b64encode(sha1(b"open sesame").digest()).decode()
        (folder / "users").write_text(f"ali:{{SHA}}{digest}\n")
        (folder / "locks").mkdir()
        for owned in (folder / "store", folder / "locks"):
            if ROOT:
                shutil.chown(owned, "www-data", "www-data")
        port = free_port()
        user = "User www-data\nGroup www-data" if ROOT else ""
        (folder / "apache.conf").write_text(APACHE.format(folder=folder, port=port, user=user, modules=APACHE_MODULES))
        process = Process([program, "-DFOREGROUND", "-f", str(folder / "apache.conf")], port, folder / "log")
        with serving(process):
            options = {"user": "ali", "password": "open sesame"}
            yield Served(f"webdav://127.0.0.1:{port}/dav", options, {}, folder / "store", process)


APACHE = """
ServerName 127.0.0.1
Listen 127.0.0.1:{port}
ServerRoot {folder}
DocumentRoot {folder}/store
DefaultRuntimeDir {folder}
PidFile {folder}/pid
ErrorLog {folder}/log
LogLevel warn
{user}
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule alias_module {modules}/mod_alias.so
LoadModule authn_core_module {modules}/mod_authn_core.so
LoadModule authn_file_module {modules}/mod_authn_file.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule authz_user_module {modules}/mod_authz_user.so
LoadModule auth_basic_module {modules}/mod_auth_basic.so
LoadModule dav_module {modules}/mod_dav.so
LoadModule dav_fs_module {modules}/mod_dav_fs.so
DavLockDB {folder}/locks/db
Alias /dav {folder}/store
Alias /read-only {folder}/store
Alias /plain {folder}/store
<LocationMatch "^/(dav|read-only)">
    Dav On
    AuthType Basic
    AuthName store
    AuthUserFile {folder}/users
    Require valid-user
</LocationMatch>
<Location /read-only>
    <LimitExcept GET HEAD OPTIONS PROPFIND>
        Require all denied
    </LimitExcept>
</Location>
<Location /plain>
    Require all granted
</Location>
"""


def read_only_location(served: Served) -> Served:
    """The store of `apache()` at an address that refuses to write."""
    return replace(served, url=served.url.replace("/dav", "/read-only"))


def plain(served: Served) -> Served:
    """The store of `apache()` as plain files by HTTP, for all to read."""
    return replace(served, url=served.url.replace("webdav://", "http://").replace("/dav", "/plain"), options={})


@contextmanager
def s3rver() -> Iterator[Served]:
    """S3 with a bucket `dvc`; objects lie in the store as files whose names end in `._S3rver_object`."""
    program = need(NODE / "s3rver")
    with workplace() as folder:
        port = free_port()
        where = ["--directory", str(folder / "store"), "--address", "127.0.0.1", "--port", str(port)]
        process = Process([program, *where, "--configure-bucket", "dvc"], port, folder / "log")
        options = {
            "endpointurl": f"http://127.0.0.1:{port}",
            "access_key_id": "S3RVER",
            "secret_access_key": "S3RVER",
            "region": "us-east-1",
        }
        (folder / "aws").touch()
        environment = {"AWS_CONFIG_FILE": str(folder / "aws"), "AWS_SHARED_CREDENTIALS_FILE": str(folder / "aws")}
        with serving(process):
            yield Served("s3://dvc/webtoon-genre", options, environment, folder / "store", process)


@contextmanager
def azurite() -> Iterator[Served]:
    """Azure's blobs, in a store that is a data base; the container `dvc` is there."""
    program = need(NODE / "azurite-blob")
    with workplace() as folder:
        port = free_port()
        where = ["--location", str(folder / "store"), "--blobHost", "127.0.0.1", "--blobPort", str(port)]
        switches = ["--disableTelemetry", "--skipApiVersionCheck"]
        process = Process([program, *where, *switches], port, folder / "log", {"AZURITE_ACCOUNTS": f"ours:{KEY}"})
        address = f"BlobEndpoint=http://127.0.0.1:{port}/ours;AccountName=ours;AccountKey={KEY};"
        connection = f"DefaultEndpointsProtocol=http;{address}"
        with serving(process):
            with BlobServiceClient.from_connection_string(connection) as client:
                client.create_container("dvc")
            yield Served("azure://dvc/webtoon-genre", {"connection_string": connection}, {}, folder / "store", process)
