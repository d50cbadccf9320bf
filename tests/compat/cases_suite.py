"""librdkafka's own test programs, unmodified, against either broker. librdkafka_tests.txt says which are run and why the others are not."""

import os
import re
import signal
import subprocess

from harness import HERE, PEER, ROOT, Skip, case

LIST = os.path.join(HERE, "librdkafka_tests.txt")
BROKER_VERSION = "4.3.1"        # which features the tests may expect
SECONDS = 120
PARTITIONS = "num.partitions=4"  # what the tests are written for
SCENARIOS = {"default": (PARTITIONS,), "idempotent": (PARTITIONS,), "noautocreate": (PARTITIONS, "auto.create.topics.enable=false")}
TOOLS = {"kafka-topics.sh": "TopicCommand"}
RESULT = re.compile(r"^\|\s*(\w+)\s*\|\s*(PASSED|FAILED|SKIPPED|RUNNING|DIDN'T RUN|NOT STARTED)\s*\|[^|]*\|(.*)$", re.M)


class Row:
    def __init__(self, line):
        self.number, self.name, self.verdict, *rest = line.split(None, 3)
        self.reason = rest[0].strip() if rest else ""
        self.seconds, self.quick = SECONDS, False
        if self.verdict == "run":
            words = self.reason.split()
            self.quick = "quick" in words
            self.seconds = int("".join(word for word in words if word.isdigit()) or SECONDS)
        self.number, _, self.scenario = self.number.partition("@")
        self.number, _, self.subtest = self.number.partition("/")
        assert self.verdict in ("run", "no") and (self.verdict == "run" or self.reason), line


def rows():
    with open(LIST, encoding="utf-8") as file:
        return [Row(line) for line in file if line.strip() and not line.startswith("#")]


def folder_for(t, tests):
    """A working folder for one run: what a test reads from its own, and Kafka's tools where it looks for them."""
    home = os.path.join(t.folder, f"suite-{t.side.name}-{t.port}")
    if not os.path.isdir(home):
        os.makedirs(os.path.join(home, "bin"))
        for name in ("interceptor_test", "fixtures"):
            os.symlink(os.path.join(tests, name), os.path.join(home, name))
        tools = {name: f"exec {PEER} tool {tool} \"$@\"" for name, tool in TOOLS.items()}
        for name, line in tools.items():
            path = os.path.join(home, "bin", name)
            with open(path, "w", encoding="utf-8") as file:
                file.write(f"#!/bin/sh\n{line}\n")
            os.chmod(path, 0o755)
        with open(os.path.join(home, "test.conf"), "w", encoding="utf-8") as file:
            file.write(f"bootstrap.servers={t.bootstrap}\ntest.timeout.multiplier=2\n")
    return home


def run_suite(t, row):
    tests = t.clients.get("suite")
    home = folder_for(t, tests)
    libraries = os.path.join(os.path.dirname(tests), "src")
    environment = dict(os.environ, TESTS=row.number, RDKAFKA_TEST_CONF=os.path.join(home, "test.conf"), KAFKA_PATH=home, BROKERS=t.bootstrap,
                       TEST_KAFKA_VERSION=BROKER_VERSION, RDKAFKA_GITVER="released", LD_LIBRARY_PATH=f"{libraries}:{libraries}-cpp")
    for name in ("CI", "TEST_CONSUMER_GROUP_PROTOCOL", "SUBTESTS"):
        environment.pop(name, None)
    if row.subtest:
        environment["SUBTESTS"] = row.subtest.replace("+", " ")
    if row.scenario and row.scenario != "idempotent":
        environment["TEST_SCENARIO"] = row.scenario
    logs = os.path.join(ROOT, "build", "compat", "suite", t.side.name)
    os.makedirs(logs, exist_ok=True)
    path = os.path.join(logs, t.name + ".log")
    line = [os.path.join(tests, "test-runner"), "-p1", "-L", *(["-Q"] if row.quick else []), *(["-P"] if row.scenario == "idempotent" else [])]
    with open(path, "wb") as log:
        process = subprocess.Popen(line, cwd=home, env=environment, stdin=subprocess.DEVNULL,
                                   stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            code = process.wait(t.left())
        except subprocess.TimeoutExpired:
            code = None
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    with open(path, encoding="utf-8", errors="replace") as log:
        text = re.sub(r"\x1b\[[0-9;]*m", "", log.read())
    return code, text


def judge(row, code, text):
    """What the tests of one number came to; raises what the harness understands."""
    if code is None:
        raise AssertionError("ran out of time; it said: " + " ".join(text.split())[-300:])
    results = [(name, state, why.strip()) for name, state, why in RESULT.findall(text) if name.startswith(row.number)]
    ran = [one for one in results if one[1] != "SKIPPED"]
    failed = [f"{name}: {why[:300]}" for name, state, why in ran if state != "PASSED"]
    if failed:
        raise AssertionError("; ".join(failed))
    if code != 0:       # an aborted program loses its table of results
        said = re.findall(r'### Test "(.+?)" failed at (\S+) at .*\n(.*)', text)
        if said:
            raise AssertionError(": ".join(said[0])[:300])
        raise AssertionError(f"exited {code}: " + " ".join(text.split())[-300:])
    if not ran:
        raise Skip("it skips itself: " + ("; ".join(why for _, _, why in results) or "no test of this number"))
    skipped = re.findall(r"SKIPPING TEST: (.*)", text)
    return [name for name, _, _ in ran], skipped


def make(row):
    def body(t):
        code, text = run_suite(t, row)
        ran, _ = judge(row, code, text)
        t.note("ran", ran)
        if row.subtest:
            passed = re.findall(r"\[ .*: PASS", text)
            assert passed, "no part of that name ran"
            t.note("parts", len(passed))
    words = [row.number, re.sub(r"\W+", "_", row.subtest.removeprefix("do_test_")).strip("_") or row.name, *([row.scenario] if row.scenario else [])]
    body.__name__ = "suite_" + "_".join(words)
    body.__doc__ = f"librdkafka's test {row.number} ({row.name})" + (f", its part {row.subtest}." if row.subtest else ".")
    case(limit=row.seconds, smoke=False, needs="suite", settings=SCENARIOS[row.scenario or "default"])(body)


_made = set()
for _row in rows():
    # several tests may share a number, and a number is what can be picked
    key = (_row.number, _row.subtest, _row.scenario)
    if _row.verdict == "run" and key not in _made:
        _made.add(key)
        make(_row)


@case(smoke=False, needs="suite")
def suite_list_is_whole(t):
    """librdkafka_tests.txt names every test that the library's runner has, and no other."""
    with open(os.path.join(t.clients.get("suite"), "test.c"), encoding="utf-8") as file:
        text = file.read()
    there = set(re.findall(r"^ *_TEST\((\d{4}_\w+),", text, re.M))
    listed = {f"{row.number}_{row.name}" for row in rows()}
    assert len(there) > 150 and there == listed, (sorted(there - listed), sorted(listed - there))
