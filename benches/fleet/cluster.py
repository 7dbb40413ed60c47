"""Runs `goldcrest simulate` against a cluster of three brokers, kills one with SIGKILL and brings it back.

The nodes are named by their ports. Everything stands in a temporary folder, which is removed at the end.
"""

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

from rabbitmq import Rabbits

NODES = 3
PROGRAM = "target/release/goldcrest"


def free_ports(count):
    """Ports on which nothing listens, below the range that the system gives to connections."""
    found, port = [], 20000 + os.getpid() % 500 * 10
    while len(found) < count:
        port += 1
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.append(port)
    return found


class Cluster:
    """Three nats-servers with JetStream and MQTT."""

    def __init__(self, folder, ports):
        self.folder = folder
        self.mqtt, self.client, self.route = ports[:NODES], ports[NODES : 2 * NODES], ports[2 * NODES :]
        self.processes = [None] * NODES
        for node in range(NODES):
            with open(self.path(node, "conf"), "w", encoding="utf-8") as file:
                file.write(self.configuration(node))

    def path(self, node, end):
        return os.path.join(self.folder, f"node{node}.{end}")

    def configuration(self, node):
        routes = ", ".join(f'"nats://127.0.0.1:{port}"' for port in self.route)
        return f"""
server_name: node{node}
listen: 127.0.0.1:{self.client[node]}
jetstream {{ store_dir: "{self.path(node, 'store')}", max_memory_store: 64MB, max_file_store: 4GB }}
cluster {{ name: fleet, listen: 127.0.0.1:{self.route[node]}, routes: [{routes}] }}
mqtt {{ listen: 127.0.0.1:{self.mqtt[node]}, stream_replicas: {NODES}, ack_wait: "30s", max_ack_pending: 10000 }}
"""

    def start(self, node):
        log = open(self.path(node, "log"), "a", encoding="utf-8")
        command = ["nats-server", "-c", self.path(node, "conf")]
        self.processes[node] = subprocess.Popen(command, stdout=log, stderr=log)

    def kill(self, node):
        process = self.processes[node]
        process.send_signal(signal.SIGKILL)
        process.wait()

    def stop(self):
        for process in self.processes:
            if process and process.poll() is None:
                process.kill()
                process.wait()

    def hosts(self):
        return [f"127.0.0.1:{port}" for port in self.mqtt]


def answers(port, patience=60):
    """Waits until an MQTT client gets a CONNACK: JetStream first elects a leader."""
    end = time.monotonic() + patience
    packet = bytes([0x10, 17]) + b"\x00\x04MQTT\x04\x02\x00\x3c\x00\x05ready"
    while time.monotonic() < end:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
                client.sendall(packet)
                if client.recv(4)[:1] == b"\x20":
                    return True
        except OSError:
            pass
        time.sleep(0.5)
    return False


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--broker", choices=["nats", "rabbitmq"], default="nats")
    options.add_argument("--devices", type=int, default=1000)
    options.add_argument("--rate", type=float, default=6.0, help="events a minute of each device")
    options.add_argument("--seconds", type=int, default=120)
    options.add_argument("--kill-at", type=float, default=30.0, help="seconds after the start of the simulation")
    options.add_argument("--back-after", type=float, default=30.0, help="seconds after the kill")
    options.add_argument("--patience", type=int, default=180)
    options.add_argument("--json", action="store_true")
    given = options.parse_args()

    with tempfile.TemporaryDirectory(prefix="goldcrest-fleet-") as folder:
        ports = free_ports(3 * NODES)
        cluster = Rabbits(folder, ports) if given.broker == "rabbitmq" else Cluster(folder, ports)
        timers = []
        try:
            for node in range(NODES):
                cluster.start(node)
            for port in cluster.mqtt:
                if not answers(port, patience=180):
                    sys.exit(f"node at {port} does not answer:\n{open(cluster.path(0, 'log')).read()[-3000:]}")
            config = os.path.join(folder, "config.toml")
            with open(config, "w", encoding="utf-8") as file:
                file.write(f"[mqtt]\nhosts = {json.dumps(cluster.hosts())}\n[outbox]\nmax_bytes = 1048576\n")

            def kill():
                cluster.kill(0)
                print(f"killed the node at {cluster.mqtt[0]}", file=sys.stderr)

            def back():
                cluster.start(0)
                print(f"started the node at {cluster.mqtt[0]} again", file=sys.stderr)

            for delay, act in ((given.kill_at, kill), (given.kill_at + given.back_after, back)):
                timer = threading.Timer(delay, act)
                timer.start()
                timers.append(timer)
            command = [PROGRAM, "simulate", "--config", config, "--devices", str(given.devices)]
            command += ["--rate", str(given.rate), "--seconds", str(given.seconds), "--patience", str(given.patience)]
            if given.json:
                command.append("--json")
            ran = subprocess.run(command, check=False)
            sys.exit(ran.returncode)
        finally:
            for timer in timers:
                timer.cancel()
            cluster.stop()


if __name__ == "__main__":
    main()
