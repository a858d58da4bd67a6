"""One run on several hosts, as the command on each of them sees it: who takes part, what is looked at first, who has gone silent.

The training process is a child of this one, since JAX ends a process from C++ when another host is lost: nothing can be caught
there, and what it prints is no help. Here nothing is computed, and JAX is not imported.
"""

import argparse
import contextlib
import logging
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from framework.cli import Parser
from framework.errors import HostLost, UserError
from framework.storage import temporary_file

log = logging.getLogger("whygrok")

# The file, not -m, which would look for our packages in the user's folder first.
WHYGROK = [sys.executable, str(Path(__file__).resolve().parents[3] / "whygrok.py")]
SECONDS = 120  # how long a host may be missing
SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2")
SLURM = ("SLURM_NTASKS", "SLURM_PROCID", "SLURM_JOB_ID", "SLURM_STEP_NODELIST")
PORTS = 2**12  # from the top: where Slurm's jobs find a port by their number
SILENT = re.compile(r"stopped sending heartbeats\):\s*((?:\d+[,\s]*)+)")  # how JAX names hosts
AGAIN = "What was saved is kept: give the same command on every host to go on."


@dataclass(frozen=True)
class Membership:
    """Which host of a run this is, from 0, of how many, and where the first one listens. seconds: how long one may be missing."""

    number: int
    count: int
    address: str
    port: int
    seconds: int

    @property
    def words(self) -> str:
        """'host 1 of 2', where hosts are counted from 0."""
        return f"host {self.number} of {self.count}"


def add_hosts(parser: Parser) -> None:
    """The arguments that say which hosts train one run."""
    parser.add_argument(
        "--hosts", metavar="N|slurm", help="train on so many hosts, or on the tasks of a Slurm step; give it on each of them"
    )
    parser.add_argument("--host", type=int, metavar="I", help="which host this is, from 0; only host 0 records")
    parser.add_argument("--coordinator", metavar="ADDRESS:PORT", help="where host 0 listens; the same on each host")
    parser.add_argument("--host_seconds", type=int, metavar="S", help=f"how long a host may be missing or silent (default {SECONDS})")


def membership(options: argparse.Namespace, environment: Mapping[str, str] = os.environ) -> Membership | None:
    """What the arguments say; None where they ask for one host. Raises UserError for what is missing or cannot be."""
    given = {"--host": options.host, "--coordinator": options.coordinator, "--host_seconds": options.host_seconds}
    if not options.hosts:
        if alone := next((name for name, value in given.items() if value is not None), ""):
            raise UserError(f"{alone} needs --hosts=N: how many hosts train this run")
        return None
    if not options.workdir:
        raise UserError("--hosts needs --workdir=FOLDER, the same folder for each host, on a shared file system")
    seconds = SECONDS if options.host_seconds is None else options.host_seconds
    if seconds < 1:
        raise UserError(f"--host_seconds={seconds}: must be at least 1")
    if options.hosts == "slurm":
        if options.host is not None:
            raise UserError("--host is Slurm's SLURM_PROCID with --hosts=slurm: leave it out")
        count, number, address = _of_slurm(environment)
        return Membership(number, count, *_address(options.coordinator or address), seconds)
    if not options.hosts.isdecimal() or int(options.hosts) < 2:
        raise UserError(f"--hosts={options.hosts}: must be a number from 2 on, or slurm; one host needs no --hosts")
    count = int(options.hosts)
    if options.host is None or not 0 <= options.host < count:
        said = "is missing" if options.host is None else f"is {options.host}"
        raise UserError(f"--host {said}: it says which host this is, from 0 to {count - 1} with --hosts={count}")
    if options.coordinator is None:
        raise UserError("--coordinator=ADDRESS:PORT is missing: where host 0 listens, such as node17:8476")
    return Membership(options.host, count, *_address(options.coordinator), seconds)


def train_as_one_of(member: Membership, arguments: Sequence[str]) -> int:
    """Looks whether the hosts can meet, trains in a child, and reports how it ended; returns its exit code.

    Raises HostLost where a host is missing, ends, or gives no sign of life, and UserError where none can be reached.
    """
    _look(member)
    told, tell = os.pipe()
    with temporary_file() as noise:
        words = [*WHYGROK, "host", str(member.number), str(member.count), f"{member.address}:{member.port}", str(member.seconds)]
        ours = (os.dup(1), os.dup(2), tell)
        command = [*words, *map(str, ours), *arguments]
        # Its input ends when this process does, however that ends. What it prints from C++ is kept apart from what we say.
        child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=noise, stderr=noise, pass_fds=ours, process_group=0)
        for descriptor in ours:
            os.close(descriptor)
        with _forwarding(child):
            code = child.wait()
        with os.fdopen(told, "rb") as file:
            has_met = bool(file.read())
        noise.seek(0)
        said = noise.read().decode(errors="replace")
    if "--debug" in sys.argv:
        sys.stderr.write(said)
    if code >= 0:
        return code
    raise HostLost(why_lost(member, -code, has_met, said))


def say_who(member: Membership) -> None:
    """Says, in the training process, which host this is; what all hosts would say is then left to the first."""
    import jax

    log.info("%s: %d of %d devices are here", member.words, jax.local_device_count(), jax.device_count())
    if member.number > 0:
        log.setLevel(logging.ERROR)


def _look(member: Membership) -> None:
    if member.number == 0:
        _check_port(member)
        return
    patience = time.monotonic() + member.seconds
    while True:
        try:
            socket.create_connection((member.address, member.port), timeout=min(5, member.seconds)).close()
            return
        except socket.gaierror as error:
            raise UserError(f"--coordinator: {member.address} is no address that this host knows ({error.strerror})") from None
        except OSError as error:
            if time.monotonic() > patience:
                raise HostLost(
                    f"{member.words}: host 0 does not listen at {member.address}:{member.port} after {member.seconds} s "
                    f"({error.strerror or error}). Start it there, or give its address as --coordinator on every host."
                ) from None
            time.sleep(0.2)


def _check_port(member: Membership) -> None:
    """JAX would end with a segmentation fault where another process has the port."""
    family = socket.AF_INET6 if socket.has_dualstack_ipv6() else socket.AF_INET
    with socket.socket(family) as there:
        there.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            there.bind(("", member.port))
            there.listen()
        except OSError as error:
            raise UserError(
                f"--coordinator: host 0 cannot listen at port {member.port} ({error.strerror}); choose another, on every host"
            ) from None


@contextlib.contextmanager
def _forwarding(child: subprocess.Popen) -> Iterator[None]:
    """Signals go on to the training process, which saves, and stops the other hosts as well."""

    def forward(number: int, frame: FrameType | None) -> None:
        with contextlib.suppress(ProcessLookupError):
            child.send_signal(number)

    heard = [getattr(signal, name) for name in SIGNALS]
    before = {number: signal.signal(number, forward) for number in heard if signal.getsignal(number) != signal.SIG_IGN}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def why_lost(member: Membership, number: int, has_met: bool, said: str) -> str:
    """In words, why a training process was ended by the signal of this number. said: what C++ printed."""
    if number == signal.SIGKILL:
        return f"{member.words}: its training process was killed (SIGKILL). {AGAIN}"
    others = sorted({int(host) for hosts in SILENT.findall(said) for host in re.findall(r"\d+", hosts)} - {member.number})
    if not has_met:
        return f"{member.words}: not all {member.count} hosts have come within {member.seconds} s. Start all of them, then this one again."
    which = " and ".join(f"host {host}" for host in others) or "another host"
    return f"{member.words}: {which} {'have' if len(others) > 1 else 'has'} ended or gone silent; its own words say why. {AGAIN}"


def _of_slurm(environment: Mapping[str, str]) -> tuple[int, int, str]:
    """(number of hosts, which this is, ADDRESS:PORT of the first), of a Slurm step. Raises UserError outside of one."""
    if missing := [name for name in SLURM if not environment.get(name)]:
        raise UserError(f"--hosts=slurm: {missing[0]} is not set; start the command with srun, one task for each host")
    count, number, job, nodes = (environment[name] for name in SLURM)
    first = re.match(r"([^,\[]+)(?:\[([^,\-\]]+))?", nodes)
    if not (count.isdecimal() and number.isdecimal() and job.isdecimal() and first):
        raise UserError(f"--hosts=slurm: cannot read {', '.join(f'{name}={environment[name]}' for name in SLURM)}")
    if int(count) < 2:
        raise UserError("--hosts=slurm: SLURM_NTASKS=1: one task needs no --hosts")
    return int(count), int(number), f"{first[1]}{first[2] or ''}:{65535 - PORTS + 1 + int(job) % PORTS}"


def _address(text: str) -> tuple[str, int]:
    address, colon, port = text.rpartition(":")
    if not (colon and address and port.isdecimal() and 0 < int(port) < 65536):
        raise UserError(f"--coordinator={text}: must be ADDRESS:PORT, such as node17:8476")
    return address.strip("[]"), int(port)
