"""Three rabbitmq-servers in a cluster, for cluster.py."""

import os
import signal
import subprocess

SERVER = "/usr/lib/rabbitmq/bin/rabbitmq-server"


class Rabbits:
    """Three nodes that find one another by their names. A session's queue has a replica on each (a quorum queue)."""

    def __init__(self, folder, ports):
        count = len(ports) // 3
        self.folder = folder
        self.mqtt, self.amqp, self.dist = ports[:count], ports[count : 2 * count], ports[2 * count :]
        self.processes = [None] * count
        cookie = os.path.join(folder, ".erlang.cookie")
        with open(cookie, "w", encoding="utf-8") as file:
            file.write("goldcrest")
        os.chmod(cookie, 0o400)
        with open(os.path.join(folder, "plugins"), "w", encoding="utf-8") as file:
            file.write("[rabbitmq_mqtt].\n")
        nodes = "".join(f"cluster_formation.classic_config.nodes.{n + 1} = {self.name(n)}\n" for n in range(count))
        for n in range(count):
            with open(self.path(n, "conf"), "w", encoding="utf-8") as file:
                file.write(
                    f"""listeners.tcp.default = 127.0.0.1:{self.amqp[n]}
mqtt.listeners.tcp.default = 127.0.0.1:{self.mqtt[n]}
mqtt.allow_anonymous = true
mqtt.default_user = guest
mqtt.default_pass = guest
mqtt.durable_queue_type = quorum
mqtt.prefetch = 1000
loopback_users = none
log.file.level = warning
disk_free_limit.absolute = 50MB
cluster_formation.peer_discovery_backend = classic_config
{nodes}"""
                )

    @staticmethod
    def name(node):
        return f"goldcrest{node}@localhost"

    def path(self, node, end):
        return os.path.join(self.folder, f"node{node}.{end}")

    def start(self, node):
        environment = {
            **os.environ,
            "HOME": self.folder,
            "RABBITMQ_NODENAME": self.name(node),
            "RABBITMQ_DIST_PORT": str(self.dist[node]),
            "RABBITMQ_CONFIG_FILE": self.path(node, "conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": os.path.join(self.folder, "plugins"),
            "RABBITMQ_MNESIA_BASE": os.path.join(self.folder, "data"),
            "RABBITMQ_LOG_BASE": os.path.join(self.folder, "logs"),
        }
        log = open(self.path(node, "log"), "a", encoding="utf-8")
        self.processes[node] = subprocess.Popen(
            [SERVER], env=environment, stdout=log, stderr=log, start_new_session=True
        )

    def kill(self, node):
        os.killpg(self.processes[node].pid, signal.SIGKILL)
        self.processes[node].wait()

    def stop(self):
        for node, process in enumerate(self.processes):
            if process and process.poll() is None:
                self.kill(node)

    def hosts(self):
        return [f"127.0.0.1:{port}" for port in self.mqtt]
