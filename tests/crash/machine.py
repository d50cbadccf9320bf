"""The broker as a process, and disks that can be cut off from power, filled and taken away."""

import errno
import fcntl
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time

from protocol import Connection, Gone

FS_IOC_SHUTDOWN = 0x8004587D
GOINGDOWN_DEFAULT, GOINGDOWN_LOGFLUSH, GOINGDOWN_NOLOGFLUSH = 0, 1, 2


class Skip(Exception):
    """The facility is missing here; the message says which."""


def require_weir():
    """The program that is tested, $WEIR or the release build: else ends with a sentence."""
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    program = os.path.abspath(os.environ.get("WEIR") or os.path.join(root, "build", "release", "weir"))
    if not os.access(program, os.X_OK):
        print(f"there is no {program}: build it with ./dev build release, or set WEIR to the program", file=sys.stderr)
        sys.exit(2)
    return program


def free_port():
    """A free port below the range from which the kernel gives out ports of its own, with two free ones behind it."""
    for _ in range(200):
        first = random.randrange(20000, 32000)
        try:
            for port in range(first, first + 3):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
            return first
        except OSError:
            continue
    raise RuntimeError("no free ports")


class Broker:
    def __init__(self, program, data, log_path, settings=(), directories=None):
        self.program, self.data, self.log_path = program, data, log_path
        self.settings = list(settings)
        if directories:
            self.settings.append("log.dirs=" + ",".join(directories))
        self.port = free_port()
        self.process = None

    def command(self):
        line = [self.program, "serve", "--port", str(self.port), "--override", f"weir.http.listener=127.0.0.1:{self.port + 2}"]
        if self.data:
            line += ["--data-dir", self.data]
        for setting in self.settings:
            line += ["--override", setting]
        return line

    def start(self, limit=60):
        """Starts it and returns the seconds until it answers."""
        began = time.monotonic()
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        while True:
            try:
                connection = Connection(self.port, 5)
                error = connection.api_versions()
                connection.close()
                if error == 0:
                    return time.monotonic() - began
            except Gone:
                pass
            if self.process.poll() is not None:
                raise AssertionError(f"the broker ended while starting (exit code {self.process.returncode}): {self.last_words()}")
            if time.monotonic() - began > limit:
                raise AssertionError(f"the broker does not answer after {limit} s: {self.last_words()}")
            time.sleep(0.005)

    def await_topic(self, topic, partitions, limit=60):
        """Until every partition has a leader that answers."""
        until = time.monotonic() + limit
        while True:
            try:
                connection = Connection(self.port)
                found = connection.offsets(topic, range(partitions))
                connection.close()
                if len(found) == partitions and not any(error for error, _ in found.values()):
                    return
            except Gone:
                pass
            assert time.monotonic() < until, f"{topic} is not served after {limit} s: {self.last_words()}"
            time.sleep(0.01)

    def make_topic(self, topic, partitions=1, **configs):
        connection = Connection(self.port)
        error = connection.create_topic(topic, partitions, **configs)
        connection.close()
        assert error in (0, 36), f"CreateTopics {topic}: error {error}"
        self.await_topic(topic, partitions)

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def stop(self, limit=60):
        if self.alive():
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(limit)
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError(f"the broker did not stop within {limit} s of SIGTERM") from None
        return self.process.returncode if self.process else 0

    def memory_kib(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))

    def metric(self, name):
        import urllib.request
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port + 2}/metrics", timeout=10) as answer:
            for line in answer.read().decode().splitlines():
                if line.split(" ")[0] == name:
                    return float(line.split(" ")[1])
        return None

    def log(self):
        try:
            with open(self.log_path, encoding="utf-8", errors="replace") as file:
                return file.read()
        except OSError:
            return ""

    def last_words(self):
        return " | ".join(self.log().splitlines()[-4:])


def shell(*line):
    done = subprocess.run(line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise RuntimeError(f"{' '.join(line)}: {done.stdout.strip()[-300:]}")
    return done.stdout.strip()


def attach(image):
    """A loop device for `image`; makes device nodes where only those are missing."""
    for number in range(64):
        node = f"/dev/loop{number}"
        try:
            if not os.path.exists(node):
                os.mknod(node, 0o660 | 0o060000, os.makedev(7, number))
            shell("losetup", node, image)
            return node
        except OSError as error:
            raise Skip(f"no loop devices here ({error})") from None
        except RuntimeError as error:
            if "busy" in str(error).lower():
                continue
            raise Skip(f"no loop devices here ({error})") from None
    raise Skip("every loop device is in use")


class Disk:
    """ext4 in a file, mounted through a loop device of its own."""

    def __init__(self, folder, megabytes, name="disk"):
        if os.geteuid() != 0:
            raise Skip("needs root to mount a file system: run it as root")
        for tool in ("mkfs.ext4", "losetup", "mount", "umount"):
            if not shutil.which(tool):
                raise Skip(f"{tool} is not installed (apt-get install e2fsprogs mount)")
        self.image, self.place = os.path.join(folder, name + ".img"), os.path.join(folder, name)
        self.device = None
        os.makedirs(self.place)
        with open(self.image, "wb") as file:
            file.truncate(megabytes << 20)
        shell("mkfs.ext4", "-q", "-m", "0", "-E", "lazy_itable_init=0,lazy_journal_init=0", self.image)
        self.mount()
        # is the one thing that all of this needs there?
        probe = os.path.join(self.place, "probe")
        open(probe, "w", encoding="ascii").close()
        os.unlink(probe)

    def mount(self):
        self.device = attach(self.image)
        try:
            shell("mount", "-t", "ext4", "-o", "noatime", self.device, self.place)
        except RuntimeError as error:
            shell("losetup", "-d", self.device)
            self.device = None
            raise Skip(f"ext4 cannot be mounted here ({error})") from None

    def cut_power(self):
        """From now on nothing reaches the disk, and what was not synced is gone at the next mount."""
        descriptor = os.open(self.place, os.O_RDONLY)
        try:
            fcntl.ioctl(descriptor, FS_IOC_SHUTDOWN, struct.pack("I", GOINGDOWN_NOLOGFLUSH))
        except OSError as error:
            if error.errno in (errno.ENOTTY, errno.EPERM, errno.EOPNOTSUPP):
                raise Skip(f"this kernel cannot shut an ext4 down ({error})") from None
            raise
        finally:
            os.close(descriptor)

    def unmount(self):
        if self.device is None:
            return
        for attempt in range(100):
            try:
                shell("umount", self.place)
                break
            except RuntimeError:
                if attempt == 99:
                    raise
                time.sleep(0.05)
        shell("losetup", "-d", self.device)
        self.device = None

    def restart(self):
        """Power is back: the journal is replayed."""
        self.unmount()
        self.mount()

    def free(self):
        status = os.statvfs(self.place)
        return status.f_bavail * status.f_frsize

    def fill(self, leave=0, name="ballast"):
        """Takes all space but `leave` bytes, as another program would."""
        path = os.path.join(self.place, name)
        with open(path, "ab", buffering=0) as file:
            while self.free() > leave:
                piece = min(1 << 20, max(self.free() - leave, 4096))
                try:
                    file.write(b"\1" * piece)
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
                    break
            os.fsync(file.fileno())
        return path

    def destroy(self):
        try:
            self.unmount()
        except RuntimeError as error:
            print(f"crash: {error}", flush=True)
        if os.path.exists(self.image):
            os.unlink(self.image)
