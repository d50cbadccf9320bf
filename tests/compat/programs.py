"""The client programs of the cases: fetched and built on first use below the cache directory, each from its own registry."""

import json
import os
import re
import shutil
import subprocess
import tarfile
import threading

from harness import CACHE, HERE, Skip

LIBRDKAFKA_PACKAGE = "@confluentinc/kafka-javascript"     # carries the whole source of librdkafka, its tests too
LIBRDKAFKA_VERSION = "1.10.1"


class Clients:
    """The client programs, installed on first use below the cache directory; a missing toolchain is a skip that says so."""

    def __init__(self, folder):
        self.folder = folder
        self.lock = threading.Lock()
        self.ready = {}

    def get(self, name):
        with self.lock:
            if name not in self.ready:
                try:
                    kind, _, version = name.partition("-")
                    self.ready[name] = getattr(self, "make_" + kind)(*([version] if version else []))
                except (Skip, RuntimeError, subprocess.TimeoutExpired) as reason:
                    self.ready[name] = reason
            if isinstance(self.ready[name], Exception):
                raise self.ready[name]
            return self.ready[name]

    def shell(self, line, timeout=600, **options):
        done = subprocess.run(line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout, **options)
        if done.returncode:
            raise RuntimeError(f"{' '.join(line)} failed: {done.stdout[-800:]}")
        return done.stdout

    def make_python(self):
        requirements = os.path.join(HERE, "clients", "python", "requirements.txt")
        with open(requirements, encoding="utf-8") as file:
            stamp = "-".join(line.strip().replace("==", "_") for line in file if "==" in line)
        home = os.path.join(CACHE, "compat-python-" + stamp)
        python = os.path.join(home, "bin", "python")
        if not os.path.exists(os.path.join(home, "complete")):
            shutil.rmtree(home, ignore_errors=True)
            self.shell(["python3", "-m", "venv", home])
            self.shell([python, "-m", "pip", "install", "--quiet", "--only-binary", ":all:", "-r", requirements])
            open(os.path.join(home, "complete"), "w").close()
        return python

    def make_node(self):
        if not shutil.which("npm") or not shutil.which("node"):
            raise Skip("node and npm are not installed (apt-get install nodejs npm)")
        source = os.path.join(HERE, "clients", "node")
        with open(os.path.join(source, "package.json"), encoding="utf-8") as file:
            wanted = json.load(file)["dependencies"]
        home = os.path.join(CACHE, "compat-node-" + "-".join(f"{name}_{version}" for name, version in wanted.items()).replace("/", "_"))
        if not os.path.exists(os.path.join(home, "complete")):
            shutil.rmtree(home, ignore_errors=True)
            os.makedirs(home)
            shutil.copy(os.path.join(source, "package.json"), home)
            self.shell(["npm", "install", "--no-audit", "--no-fund", "--silent"], cwd=home)
            open(os.path.join(home, "complete"), "w").close()
        return os.path.join(home, "node_modules")

    def make_go(self, folder="go"):
        if not shutil.which("go"):
            raise Skip("go is not installed (apt-get install golang-go)")
        source = os.path.join(HERE, "clients", folder)
        major, minor = map(int, re.search(r"go(\d+)\.(\d+)", self.shell(["go", "version"])).groups())
        # the newest client for a newer Go; the last one that Debian 12's Go 1.19 compiles otherwise
        module = "go.mod" if (major, minor) >= (1, 26) else "go119.mod"
        program = os.path.join(self.folder, f"{folder}-client-" + module.removesuffix(".mod"))
        environment = dict(os.environ, GOFLAGS="-mod=readonly -buildvcs=false", GOTOOLCHAIN="local", CGO_ENABLED="0")
        copy = os.path.join(self.folder, folder + "-source")
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(source, copy)
        line = ["go", "build", "-modfile", module, "-o", program, "."]
        self.shell(line, cwd=copy, env=environment)
        return program

    def make_sarama(self):
        return self.make_go("sarama")

    def make_rust(self):
        """rust-rdkafka, with the librdkafka that it brings along."""
        if not shutil.which("cargo"):
            raise Skip("cargo is not installed; Debian 12's Rust 1.63 is too old for this client")
        source = os.path.join(HERE, "clients", "rust")
        target = os.path.join(CACHE, "compat-rust")
        os.makedirs(target, exist_ok=True)
        self.shell(["cargo", "build", "--quiet", "--release", "--locked", "--manifest-path", os.path.join(source, "Cargo.toml"),
                    "--target-dir", target], timeout=1800)
        return os.path.join(target, "release", "weir-compat-rust")

    def make_java(self, version):
        """(command, environment) of our small program, compiled against this version of kafka-clients."""
        for tool, package in (("mvn", "maven"), ("javac", "openjdk-17-jdk-headless")):
            if not shutil.which(tool):
                raise Skip(f"{tool} is not installed (apt-get install {package})")
        source = os.path.join(HERE, "clients", "java")
        home = os.path.join(CACHE, "compat-java-" + version)
        libs = os.path.join(home, "libs")
        if not os.path.exists(os.path.join(home, "complete")):
            shutil.rmtree(home, ignore_errors=True)
            os.makedirs(home)
            self.shell(["mvn", "--batch-mode", "--quiet", "-f", os.path.join(source, "pom.xml"), f"-Dkafka.version={version}",
                        f"-Dlibs={libs}", "package"])
            open(os.path.join(home, "complete"), "w").close()
        classes = os.path.join(self.folder, "java-" + version)
        os.makedirs(classes, exist_ok=True)
        self.shell(["javac", "-nowarn", "-Xlint:none", "-d", classes, "-cp", os.path.join(libs, "*"), os.path.join(source, "Client.java"),
                    os.path.join(source, "Member.java")])
        return ["java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-Xmx256m", "-cp", f"{classes}:{libs}/*", "Client"]

    def make_suite(self):
        """The folder of librdkafka's own tests, built once: about five minutes."""
        if not shutil.which("npm") or not shutil.which("make"):
            raise Skip("npm and make are needed (apt-get install npm make)")
        home = os.path.join(CACHE, f"librdkafka-of-kafka-javascript-{LIBRDKAFKA_VERSION}-tls")
        tests = os.path.join(home, "package", "deps", "librdkafka", "tests")
        if os.path.exists(os.path.join(home, "complete")):
            return tests
        shutil.rmtree(home, ignore_errors=True)
        os.makedirs(home)
        self.shell(["npm", "pack", "--silent", "--ignore-scripts", f"{LIBRDKAFKA_PACKAGE}@{LIBRDKAFKA_VERSION}"], cwd=home)
        archive = [name for name in os.listdir(home) if name.endswith(".tgz")][0]
        with tarfile.open(os.path.join(home, archive)) as file:
            file.extractall(home, [one for one in file if one.name.startswith("package/deps/librdkafka/")])
        source = os.path.dirname(tests)
        low = ["nice", "-n", "15"]
        environment = dict(os.environ, CC="clang-19", CXX="clang++-19")
        # no SASL: no test that runs here has use for it; one asks for TLS without speaking it
        self.shell(["./configure", "--disable-gssapi", "--disable-curl"], cwd=source, env=environment)
        self.shell([*low, "make", f"-j{os.cpu_count()}", "libs"], timeout=1800, cwd=source, env=environment)
        self.shell([*low, "make", f"-j{os.cpu_count()}", "build"], timeout=1800, cwd=tests, env=environment)
        open(os.path.join(home, "complete"), "w").close()
        return tests
