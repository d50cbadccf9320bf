"""Load that knows what was acknowledged, and the checker that reads everything back.

Every partition has one idempotent producer that writes the numbers 0, 1, 2, ... in order, so record n must lie at offset n:
a gap, a repetition or another order cannot hide. Names of anomalies are Jepsen's: lost-write, duplicate, inconsistent-offsets.
"""

import random
import threading
import time

import protocol
from protocol import Connection, Gone

WINDOW = 3             # requests in flight of one producer
BATCH_MAX = 6          # records of one batch
ANSWER_MAX = 12        # seconds that a request may take


class Batch:
    def __init__(self, partition, first, count, data):
        self.partition, self.first, self.count, self.data = partition, first, count, data


class Book:
    """What was sent and what was acknowledged, by partition."""

    def __init__(self, topic, partitions):
        self.topic, self.partitions = topic, partitions
        self.sent = [0] * partitions          # numbers handed out
        self.acknowledged = [0] * partitions  # everything below was
        self.anomalies = []
        self.refusals = {}                    # error code: how often
        self.requests = 0
        self.last_acknowledged = 0.0
        # A power cut silences a machine. FS_IOC_SHUTDOWN does not: the broker goes on, and ext4 lets a sync succeed that was under
        # way, though what it should have written is lost. What is heard from then on counts for nothing.
        self.power_is_off = threading.Event()

    def total(self):
        return sum(self.acknowledged)


class Producer(threading.Thread):
    def __init__(self, book, mine, port, seed, value_bytes, pause=0.0):
        super().__init__(daemon=True)
        self.book, self.mine, self.port, self.pause = book, list(mine), port, pause
        self.random, self.value_bytes = random.Random(seed), value_bytes
        self.identity = None
        self.connection = None
        self.stopping = threading.Event()
        self.resting = threading.Event()       # acknowledges a pause
        self.held = threading.Event()

    def stop(self):
        self.stopping.set()
        self.held.clear()

    def connect(self):
        while not self.stopping.is_set():
            try:
                self.connection = Connection(self.port, ANSWER_MAX)
                if self.identity is None:
                    error, identity = self.connection.init_producer()
                    if error:
                        raise Gone(f"InitProducerId: error {error}")
                    self.identity = identity
                return True
            except Gone:
                self.connection = None
                time.sleep(0.02)
        return False

    def compose(self):
        """One request: a batch for some of this producer's partitions."""
        made = []
        for partition in self.random.sample(self.mine, self.random.randint(1, len(self.mine))):
            first = self.book.sent[partition]
            count = self.random.randint(1, BATCH_MAX)
            values = [b"%d %d " % (partition, first + index) + b"x" * self.random.randint(0, self.value_bytes) for index in range(count)]
            made.append(Batch(partition, first, count, protocol.batch(values, self.identity, first & 0x7FFFFFFF)))
            self.book.sent[partition] = first + count
        return made

    def send(self, batches):
        self.book.requests += 1
        self.connection.send(0, 7, Connection.produce_body(self.book.topic, [(batch.partition, batch.data) for batch in batches]))

    def answer(self):
        _, reader = self.connection.receive()
        if self.book.power_is_off.is_set():
            time.sleep(0.01)
            raise Gone("it was heard after the power was cut")
        return reader

    def account(self, batches, reader):
        """Notes what was acknowledged; returns what must be sent again."""
        again = []
        by_partition = {batch.partition: batch for batch in batches}
        for partition, error, base in Connection.produce_answer(reader):
            batch = by_partition.pop(partition)
            if error in (protocol.NONE, protocol.DUPLICATE_SEQUENCE):
                if error == protocol.NONE and base != batch.first:
                    self.book.anomalies.append(f"inconsistent-offsets: partition {partition}: record {batch.first} was acknowledged at {base}")
                if self.book.acknowledged[partition] != batch.first:
                    self.book.anomalies.append(f"partition {partition}: {batch.first} was acknowledged before {self.book.acknowledged[partition]}")
                self.book.acknowledged[partition] = batch.first + batch.count
                self.book.last_acknowledged = time.monotonic()
            else:
                self.book.refusals[error] = self.book.refusals.get(error, 0) + 1
                again.append((batch, error))
        return again

    def settle(self, waiting):
        """Sends failed batches again, those of a partition one after another, until all are acknowledged."""
        waiting.sort(key=lambda batch: (batch.partition, batch.first))
        while waiting and not self.stopping.is_set():
            first = {}
            for batch in waiting:
                first.setdefault(batch.partition, batch)
            now = list(first.values())
            try:
                self.send(now)
                reader = self.answer()
            except Gone:
                if not self.connect():
                    return waiting
                continue
            failed = self.account(now, reader)
            for batch, error in failed:
                if error not in protocol.RETRIABLE:
                    self.book.anomalies.append(
                        f"lost-write: partition {batch.partition}: the broker refuses record {batch.first} with error {error}, "
                        f"after {self.book.acknowledged[batch.partition]} were acknowledged")
                    return waiting
            refused = {id(batch) for batch, _ in failed}
            waiting = [batch for batch in waiting if batch not in now or id(batch) in refused]
            if failed:
                time.sleep(0.05)
        return waiting

    def run(self):
        flying = []
        if not self.connect():
            return
        while not self.stopping.is_set():
            if self.held.is_set() and not flying:
                self.resting.set()
                time.sleep(0.005)
                continue
            self.resting.clear()
            try:
                while len(flying) < WINDOW and not self.held.is_set():
                    flying.append(self.compose())
                    self.send(flying[-1])
                reader = self.answer()
                failed = self.account(flying[0], reader)
                flying.pop(0)
                if not failed:
                    if self.pause:
                        time.sleep(self.pause)
                    continue
                waiting = [batch for batch, _ in failed]
                while flying:     # later batches of these partitions are refused too
                    reader = self.answer()
                    waiting += [batch for batch, _ in self.account(flying[0], reader)]
                    flying.pop(0)
            except Gone:
                if not self.connect():
                    return
                waiting = [batch for request in flying for batch in request]
            flying = []
            if self.settle(waiting):
                return


class Committer(threading.Thread):
    """Commits rising offsets for a few groups; a position must never fall behind what was acknowledged."""

    def __init__(self, book, port, groups=5):
        super().__init__(daemon=True)
        self.book, self.topic, self.port, self.groups = book, book.topic, port, [f"readers-{index}" for index in range(groups)]
        self.tried = dict.fromkeys(self.groups, 0)
        self.acknowledged = dict.fromkeys(self.groups, 0)
        self.refusals = {}
        self.stopping = threading.Event()

    def run(self):
        connection = None
        while not self.stopping.is_set():
            try:
                if connection is None:
                    connection = Connection(self.port, ANSWER_MAX)
                    for group in self.groups:
                        connection.find_coordinator(group)
                for group in self.groups:
                    self.tried[group] += 1
                    wanted = self.tried[group]
                    errors = connection.commit(group, self.topic, {0: wanted, 1: wanted})
                    if self.book.power_is_off.is_set():
                        raise Gone("it was heard after the power was cut")
                    if any(errors.values()):
                        for error in errors.values():
                            self.refusals[error] = self.refusals.get(error, 0) + 1
                        time.sleep(0.02)
                    else:
                        self.acknowledged[group] = wanted
                time.sleep(0.01)
            except Gone:
                connection = None
                time.sleep(0.02)

    def check(self, port, until):
        """Anomalies of positions, read from the broker."""
        wrong = []
        for group in self.groups:
            low = self.acknowledged[group]
            while True:
                try:
                    connection = Connection(port)
                    connection.find_coordinator(group)
                    found = connection.committed(group, self.topic, [0, 1])
                    connection.close()
                    if not any(error for _, error in found.values()):
                        break
                except Gone:
                    pass
                if time.monotonic() > until:
                    return wrong + [f"group {group}: its position cannot be read"]
                time.sleep(0.05)
            high = self.tried[group]     # commits go on meanwhile
            for partition, (offset, _) in found.items():
                if not low <= max(offset, 0) <= high:
                    wrong.append(f"lost-write: group {group}, partition {partition}: position {offset}; {low} was acknowledged, {high} tried")
        return wrong


class Load:
    def __init__(self, topic, partitions, port, seed, producers=4, value_bytes=160, pause=0.0):
        self.book = Book(topic, partitions)
        self.producers = [Producer(self.book, range(index, partitions, producers), port, f"{seed}-{index}", value_bytes, pause)
                          for index in range(producers)]
        self.committer = Committer(self.book, port)
        self.checked_offset = [0] * partitions      # everything below was read back and is right

    def start(self):
        for thread in [*self.producers, self.committer]:
            thread.start()

    def hold(self, until):
        """Lets what is under way end and sends nothing more; False when it does not end in time."""
        for producer in self.producers:
            producer.held.set()
        for producer in self.producers:
            while producer.is_alive() and not producer.resting.wait(0.05):
                if time.monotonic() > until:
                    return False
        return True

    def go_on(self):
        for producer in self.producers:
            producer.resting.clear()
            producer.held.clear()

    def stop(self):
        for producer in self.producers:
            producer.stop()
        self.committer.stopping.set()
        for thread in [*self.producers, self.committer]:
            thread.join(ANSWER_MAX + 5)

    def ended_early(self):
        return any(not producer.is_alive() and not producer.stopping.is_set() for producer in self.producers)


def check_log(book, port, since, until):
    """Reads every partition from `since` (changed in place) to its end; (records read, anomalies)."""
    acknowledged = list(book.acknowledged)     # before reading: more may come meanwhile
    wrong, count = [], 0
    connection = Connection(port)
    ends = {}
    left = set(range(book.partitions))
    while left:
        if time.monotonic() > until:
            return count, wrong + [f"{len(left)} partitions could not be read in time"]
        found = connection.fetch(book.topic, {partition: since[partition] for partition in sorted(left)})
        for partition, (error, high, data) in found.items():
            if error in protocol.RETRIABLE:
                time.sleep(0.01)
                continue
            if error:
                wrong.append(f"partition {partition}: fetch at {since[partition]} answers error {error}; {acknowledged[partition]} were acknowledged")
                left.discard(partition)
                continue
            ends.setdefault(partition, high)
            for offset, value in protocol.records(data):
                if offset < since[partition]:
                    continue
                named, number = map(int, bytes(value).split(b" ", 2)[:2])
                if named != partition or number != offset:
                    kind = "duplicate" if number < offset else "lost-write"
                    wrong.append(f"{kind}: partition {partition}, offset {offset} holds record {number} of partition {named}")
                    left.discard(partition)
                    break
                since[partition] = offset + 1
                count += 1
            if partition in left and since[partition] >= max(ends[partition], acknowledged[partition]):
                left.discard(partition)
            elif partition in left and not data and since[partition] >= high:
                if high < acknowledged[partition]:
                    wrong.append(f"lost-write: partition {partition} ends at {high}; {acknowledged[partition]} were acknowledged")
                left.discard(partition)
    connection.close()
    return count, wrong
