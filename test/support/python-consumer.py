"""A consumer as an application writes one, for a test: told on standard input what to do, says on standard output what it did.

It works with its credential at the pretended provider, which keeps the digests of its keys in a SQLite file.
"""
import hashlib
import json
import sqlite3
import sys
import threading
import time

from keybaton_consumer import connect

given = json.loads(sys.stdin.readline())
world = given.pop("world")
speaking = threading.Lock()


def say(**what):
    with speaking:
        print(json.dumps(what), flush=True)


class Refused(Exception):
    status = 401


def work(fields):
    digest = hashlib.sha256(fields["api_key"].encode()).hexdigest()
    file = sqlite3.connect(f"file:{world}?mode=ro", uri=True, timeout=10)
    try:
        (state,) = file.execute("select state from world").fetchone()
    finally:
        file.close()
    if not any(key["digest"] == digest and "revokedAt" not in key and not key["disabled"] for key in json.loads(state)["keys"]):
        raise Refused
    return digest


keys = connect(**given, on_change=lambda version, epoch: say(holds=version, epoch=epoch))
may_work = threading.Event()
is_over = threading.Event()
resting = threading.Event()
counted = {"worked": 0, "failed": 0}


def work_on():
    while not is_over.is_set():
        if not may_work.wait(0.05):
            resting.set()
            continue
        resting.clear()
        try:
            keys.use(work)
            counted["worked"] += 1
        except Exception as error:
            counted["failed"] += 1
            say(failed=type(error).__name__)
        time.sleep(0.02)
    keys.leave()
    say(left=True, **counted)


working = threading.Thread(target=work_on)
working.start()
for line in sys.stdin:
    if line.strip() == "work":
        may_work.set()
    if line.strip() == "rest":
        resting.clear()
        may_work.clear()
        resting.wait()
        say(resting=True)
    if line.strip() == "leave":
        break
is_over.set()
working.join()
