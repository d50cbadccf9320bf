"""One run over cases: both brokers at once, each case on each of them, the verdict, and what is kept of it."""

import json
import os
import shutil
import subprocess
import tempfile
import threading
import time
import traceback

import harness
import programs


class Outcome:
    def __init__(self, state, seconds=0.0, why="", notes=None, allowed=None):
        self.state, self.seconds, self.why = state, seconds, why
        self.notes, self.allowed = notes or {}, allowed or {}


def run_one(case, side, definitions, clients, folder):
    """One case on one side, ended when its time is over."""
    started = time.monotonic()
    try:
        if not side.alive():
            side.start()
        context = harness.Context(side, definitions, clients, case.name, case.limit, folder)
    except Exception as error:  # noqa: BLE001
        return Outcome("failed", 0, f"the broker is not running: {error}")
    box = {}

    def body():
        try:
            case.function(context)
            box["result"] = ("passed", "")
        except harness.Skip as reason:
            box["result"] = ("skipped", str(reason))
        except AssertionError as error:
            frame = traceback.extract_tb(error.__traceback__)
            frame = [entry for entry in frame if "cases_" in entry.filename] or frame
            text = str(error) or f"assert {frame[-1].line.removeprefix('assert ')}"
            box["result"] = ("failed", f"{os.path.basename(frame[-1].filename)}:{frame[-1].lineno}: {text}")
        except BaseException as error:  # noqa: BLE001
            frame = traceback.extract_tb(error.__traceback__)
            frame = [entry for entry in frame if "cases_" in entry.filename] or frame
            box["result"] = ("failed", f"{os.path.basename(frame[-1].filename)}:{frame[-1].lineno}: {type(error).__name__}: {error}")

    thread = threading.Thread(target=body, daemon=True)
    thread.start()
    thread.join(case.limit + 5)
    context.close()
    state, why = box.get("result", ("failed", f"ran out of time ({case.limit} s)"))
    if not side.alive():
        state, why = "failed", f"the broker died: {side.last_words()} ({why})"
    return Outcome(state, time.monotonic() - started, why, context.notes, context.allowed)


def judge(outcomes):
    """(state, remark) of a case from what its sides did."""
    failed = [f"{name}: {outcome.why}" for name, outcome in outcomes.items() if outcome.state == "failed"]
    if failed:
        return "failed", "; ".join(failed)
    for name, outcome in outcomes.items():
        if outcome.state == "skipped":
            return "skipped", outcome.why
    if len(outcomes) == 2:
        weir, kafka = outcomes["weir"], outcomes["kafka"]
        remarks, wrong = [], []
        for key in sorted(set(weir.notes) | set(kafka.notes)):
            ours, theirs = weir.notes.get(key, "(nothing)"), kafka.notes.get(key, "(nothing)")
            if ours == theirs:
                continue
            reason = weir.allowed.get(key) or kafka.allowed.get(key)
            if not reason:
                wrong.append(f"{key}: weir {ours!r}, kafka {theirs!r}")
                continue
            remarks.append(f"{key} differs on purpose: {reason}")
        if wrong:
            return "failed", "differs in " + "; ".join(wrong)
        return "passed", "; ".join(remarks)
    return "passed", ""


class Session:
    """Both brokers, as the settings of the cases at hand want them, and all that a case needs beside them."""

    def __init__(self, options, program, output):
        self.options, self.program = options, program
        self.definitions = harness.definitions()
        self.clients = programs.Clients(output)
        self.folder = tempfile.mkdtemp(prefix="weir-compat-")
        self.sides, self.settings, self.turn = [], None, 0

    def open(self, settings):
        """Fresh brokers with these settings, unless those at hand have them."""
        if self.settings == settings:
            return
        self.close_sides()
        self.settings, self.turn = settings, self.turn + 1
        if self.options.side != "kafka":
            self.sides.append(harness.Weir(self.program, os.path.join(self.folder, f"weir-{self.turn}"), [*settings, *self.options.override]))
        if self.options.side != "weir":
            self.sides.append(harness.Kafka(os.path.join(self.folder, f"kafka-{self.turn}"), settings))
        for side in self.sides:
            begin = time.monotonic()
            try:
                side.start()
                print(f"{side.name} on port {side.port} after {time.monotonic() - begin:.2f} s" +
                      (f" with {' '.join(settings)}" if settings else ""), flush=True)
            except RuntimeError as error:
                print(f"{side.name} did not start: {error}", flush=True)

    def make_clients(self, cases):
        """Their time is not the cases' time."""
        for name in dict.fromkeys(name for case in cases for name in (case.needs or "").split()):
            begin = time.monotonic()
            try:
                self.clients.get(name)
                if time.monotonic() - begin > 0.1:
                    print(f"{name} clients ready after {time.monotonic() - begin:.1f} s", flush=True)
            except (harness.Skip, RuntimeError, subprocess.TimeoutExpired) as error:
                print(f"{name} clients are not there: {error}", flush=True)

    def run(self, cases, finished):
        """Runs `cases`, tells finished(case, state, remark, outcomes) after each; how many passed, failed and were skipped."""
        totals = {"passed": 0, "failed": 0, "skipped": 0}
        width = max([len(case.name) for case in cases], default=0)
        self.make_clients(cases)
        for settings in dict.fromkeys(case.settings for case in cases):
            self.open(settings)
            print(f"\n{'case':<{width}}  " + "  ".join(f"{side.name:<12}" for side in self.sides) + "  verdict")
            for case in cases:
                if case.settings != settings:
                    continue
                outcomes = self.run_case(case)
                state, remark = judge(outcomes)
                totals[state] += 1
                cells = "  ".join(f"{outcome.state + f' {outcome.seconds:.1f}s':<12}" for outcome in outcomes.values())
                print(f"{case.name:<{width}}  {cells}  {state}" + (f": {remark}" if remark and state != "passed" else ""), flush=True)
                if remark and state == "passed":
                    print(f"{'':<{width}}  {remark}", flush=True)
                finished(case, state, remark, outcomes)
        return totals

    def run_case(self, case):
        outcomes = {}

        def work(side):
            outcomes[side.name] = run_one(case, side, self.definitions, self.clients, self.folder)

        threads = [threading.Thread(target=work, args=(side,)) for side in self.sides]
        for thread in threads:
            thread.start()
            if self.options.serial:
                thread.join()
        for thread in threads:
            thread.join()
        return {side.name: outcomes[side.name] for side in self.sides}

    def close_sides(self):
        for side in self.sides:
            try:
                side.stop() if self.options.keep else side.wipe()
            except Exception as error:  # noqa: BLE001
                print(f"{side.name}: {error}")
        self.sides, self.settings = [], None

    def close(self):
        self.close_sides()
        if self.options.keep:
            print(f"kept: {self.folder}")
        else:
            shutil.rmtree(self.folder, ignore_errors=True)


def recorded(state, remark, outcomes):
    """What a results file keeps of a case."""
    return {"state": state, "remark": remark,
            "sides": {name: {"state": outcome.state, "seconds": round(outcome.seconds, 2), "why": outcome.why,
                             "notes": {key: repr(value) for key, value in outcome.notes.items()}}
                      for name, outcome in outcomes.items()}}


def write_json(path, document):
    with open(path + ".new", "w", encoding="utf-8") as file:
        json.dump(document, file, indent=1)
    os.replace(path + ".new", path)


def read_json(path):
    if not os.path.exists(path):
        return {}
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def fingerprint(program):
    if not program or not os.path.exists(program):
        return ""
    status = os.stat(program)
    return f"{status.st_size}-{status.st_mtime_ns}"
