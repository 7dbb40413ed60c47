"""Measures the p95 of each stage of a running daemon with and without a flood of commands.

The daemon publishes its numbers at the end of each interval. Then the flood changes, so that an interval lies whole in
one of three modes, which follow one another in turn:

    quiet    nothing is sent
    beside   as many messages go to a topic that the daemon does not subscribe to
    flood    they go to its command topic

`beside` costs the broker and the processor the same and the daemon nothing. Flood against beside is therefore what the
daemon's own work with the commands costs its frame path.
"""

import argparse
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

PROGRAM = "target/release/goldcrest"
RECORDING = "tests/recordings/bottles"
MODES = ("quiet", "beside", "flood")
TOPICS = {"beside": "elsewhere/command/threshold", "flood": "goldcrest/flood/command/threshold"}
STAGES = ("vision", "infer", "observe", "publish", "latency")
# Messages are handed over in so many portions a second.
PORTIONS = 100


def free_port():
    """A port on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Flood:
    """Publishes at a rate, from a thread and through one client for each topic."""

    def __init__(self, port, rate):
        self.rate, self.mode, self.sent, self.ended = rate, "quiet", 0, False
        client = ["mosquitto_pub", "-h", "127.0.0.1", "-p", str(port), "-q", "0", "-l", "-t"]
        self.clients = {
            mode: subprocess.Popen([*client, topic], stdin=subprocess.PIPE) for mode, topic in TOPICS.items()
        }
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        portion = b"0.6\n" * (self.rate // PORTIONS)
        due = time.monotonic()
        while not self.ended:
            due += 1 / PORTIONS
            if self.mode == "quiet":
                due = time.monotonic()
                time.sleep(1 / PORTIONS)
                continue
            pipe = self.clients[self.mode].stdin
            pipe.write(portion)
            pipe.flush()
            self.sent += self.rate // PORTIONS
            # What is late is made up for, but not a second of it.
            due = max(due, time.monotonic() - 1)
            time.sleep(max(0, due - time.monotonic()))

    def end(self):
        self.ended = True
        self.thread.join()
        for client in self.clients.values():
            client.stdin.close()
            client.wait()


def configure(folder, port, interval):
    """Writes the configurations of the daemon and of the broker; returns their paths."""
    for name in ("labels.txt", "model.toml", "model.bundle"):
        if os.path.exists(f"model/{name}"):
            shutil.copy(f"model/{name}", folder)
    model = "convnext_tiny_128_int8.onnx"
    os.symlink(os.path.abspath(f"model/{model}"), f"{folder}/{model}")
    if not os.path.exists(f"{folder}/model.bundle"):
        subprocess.run([PROGRAM, "pack", f"{folder}/{model}", "-o", folder], check=True, stdout=subprocess.DEVNULL)
    daemon, broker = f"{folder}/config.toml", f"{folder}/mosquitto.conf"
    with open(daemon, "w", encoding="utf-8") as file:
        file.write(
            f"""id = "flood"
[source]
kind = "recording"
path = "{os.path.abspath(RECORDING)}"
at_end = "loop"
[gate]
enabled = false
[model]
path = "{folder}/{model}"
[mqtt]
host = "127.0.0.1"
port = {port}
[commands]
enabled = true
[health]
interval = {interval}
[log]
level = "error"
"""
        )
    with open(broker, "w", encoding="utf-8") as file:
        file.write(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\nlog_type error\n")
    return daemon, broker


def measure(arguments, folder):
    """Returns the numbers of each interval by its mode, and how many messages were sent in it."""
    port = free_port()
    daemon, broker = configure(folder, port, arguments.seconds)
    processes = [subprocess.Popen(["mosquitto", "-c", broker])]
    time.sleep(1)
    flood = Flood(port, arguments.rate)
    try:
        ears = ["mosquitto_sub", "-h", "127.0.0.1", "-p", str(port), "-t", "goldcrest/flood/health"]
        processes.append(subprocess.Popen(ears, stdout=subprocess.PIPE, text=True))
        ear = processes[-1]
        processes.append(subprocess.Popen([PROGRAM, "run", "--config", daemon]))
        found = {mode: [] for mode in MODES}
        ear.stdout.readline()  # The first interval has the start in it.
        for _ in range(arguments.rounds):
            for mode in MODES:
                flood.mode, before = mode, flood.sent
                health = json.loads(ear.stdout.readline())
                health["sent_per_s"] = (flood.sent - before) / health["interval_s"]
                found[mode].append(health)
        flood.mode = "quiet"
        return found
    finally:
        flood.end()
        for process in reversed(processes):
            process.terminate()
            process.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rate", type=int, default=10000, help="messages a second (10000)")
    parser.add_argument("--seconds", type=int, default=20, help="of one interval (20)")
    parser.add_argument("--rounds", type=int, default=5, help="of the three modes (5)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = measure(arguments, folder)
    p95 = {
        mode: {stage: statistics.median(h["stages_ms"][stage]["p95"] for h in all_of) for stage in STAGES}
        for mode, all_of in found.items()
    }
    rate = {mode: statistics.median(h["sent_per_s"] for h in all_of) for mode, all_of in found.items()}
    refused = found["flood"][-1]["drops"].get("command", 0)
    if arguments.json:
        print(json.dumps({"p95_ms": p95, "messages_per_s": rate, "refused": refused}))
        return
    print(f"p95 in ms, median of {arguments.rounds} intervals of {arguments.seconds} s")
    print(f"{'':<10}" + "".join(f"{mode:>10}" for mode in MODES) + f"{'flood/beside':>14}")
    for stage in STAGES:
        times = [p95[mode][stage] for mode in MODES]
        change = 100 * (times[2] / times[1] - 1) if times[1] else 0
        print(f"{stage:<10}" + "".join(f"{t:>10.3f}" for t in times) + f"{change:>13.1f}%")
    print(f"{'sent/s':<10}" + "".join(f"{rate[mode]:>10.0f}" for mode in MODES))
    print(f"{refused} commands were refused")


if __name__ == "__main__":
    sys.exit(main())
