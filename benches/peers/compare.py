#!/usr/bin/env python3
"""Goldcrest's engine beside its peers, in one run: speed, two threads, memory. Called by `run`, which builds all.

Every peer is a process that is told how often to run; they take turns, pinned to the same processor, so that what
else the machine does falls on all alike. Besides the time by the clock, the CPU time of each process is taken from
outside: it is what to read on a machine that is shared.
"""
from __future__ import annotations

import argparse
import functools
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import numpy as np

import models
from models import ROOT, SHIPPED
from worker import Failed, Memory, Peer, Worker

HERE = Path(__file__).parent
PYTHON = (sys.executable, str(HERE / "python_peer.py"))
KERNELS = ("amx", "vnni", "avxvnni", "avx2", "sdot", "neon", "scalar")
# Instruction sets that decide which kernels run, as /proc/cpuinfo names them.
SETS = "avx2 fma avx_vnni avx512f avx512bw avx512_vnni avx512vbmi amx_int8 asimd asimddp i8mm".split()
# Milliseconds that a turn takes about, and the most inferences in it.
TURN, MOST = 200, 8


def arguments() -> argparse.Namespace:
    a = argparse.ArgumentParser(prog="benches/peers/run", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--rounds", type=int, default=30, help="turns of each peer (default: %(default)s)")
    a.add_argument("--cpu", type=int, default=0, help="processor for one thread; two threads take it and the next (default: %(default)s)")
    a.add_argument("--only", default="speed,threads,memory", help="tables to make (default: %(default)s)")
    a.add_argument("--quick", action="store_true", help="two rounds of a few peers: whether the scripts work, no measurement")
    a.add_argument("--goldcrest", type=Path, required=True, help=argparse.SUPPRESS)
    a.add_argument("--engine", type=Path, required=True, help=argparse.SUPPRESS)
    a.add_argument("--rten", type=Path, required=True, help=argparse.SUPPRESS)
    return a.parse_args()


def cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "goldcrest"


@functools.cache
def inputs() -> str:
    """The file of what all peers classify, written anew: frames of the shipped recording, prepared."""
    path = cache() / "peers-inputs.f32"
    np.concatenate(models.Frames().left).astype("<f4").tofile(path)
    return str(path)


def onnxruntime(name: str, path: Path, threads: int = 1) -> Peer:
    return Peer("ONNX Runtime", name, (*PYTHON, "onnxruntime", str(path), inputs(), str(threads)))


def openvino(threads: int = 1) -> Peer:
    return Peer("OpenVINO", "int8, as shipped", (*PYTHON, "openvino", str(SHIPPED), inputs(), str(threads)))


def goldcrest(a: argparse.Namespace, kernel: str, threads: int = 1) -> Peer:
    command = (str(a.engine), str(SHIPPED), "--threads", str(threads), "--serve", inputs())
    return Peer(f"Goldcrest, {kernel}", "int8, as shipped", command, {"GOLDCREST_KERNEL": kernel})


def tract(a: argparse.Namespace) -> Peer:
    return Peer("tract", "int8, as shipped", (str(a.engine), str(SHIPPED), "--plain", "--serve", inputs()))


def rten(a: argparse.Namespace, threads: int = 1) -> Peer:
    return Peer("rten", "int8, as shipped", (str(a.rten), str(SHIPPED), inputs()), {"RTEN_NUM_THREADS": str(threads)})


def kernels(a: argparse.Namespace) -> list[str]:
    """Goldcrest's kernels that run here, best first."""
    out = []
    for kernel in KERNELS:
        worker = Worker(goldcrest(a, kernel))
        try:
            worker.run(1)
            out.append(kernel)
        except Failed:
            continue
        worker.end()
    return out


@dataclass
class Measured:
    """What a peer did over all its turns."""

    peer: Peer
    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    failed: str = ""

    @property
    def p50(self) -> float:
        return statistics.median(self.wall)

    @property
    def least(self) -> float:
        return min(self.wall)

    @property
    def on_cpu(self) -> float:
        return statistics.median(self.cpu)


def in_turns(peers: list[Peer], cpus: str, rounds: int) -> list[Measured]:
    """All peers, turn by turn."""
    out = [Measured(peer) for peer in peers]
    workers: list[Worker] = []
    counts: list[int] = []
    for m in out:
        worker = Worker(m.peer, cpus)
        try:
            # The first inferences make caches and buffers.
            worker.run(2)
            counts.append(max(1, min(MOST, round(TURN / min(worker.run(2))))))
        except Failed as e:
            m.failed = str(e)
            counts.append(0)
        workers.append(worker)
    for turn in range(rounds):
        print(f"\rturn {turn + 1} of {rounds}", end="", file=sys.stderr, flush=True)
        for m, worker, count in zip(out, workers, counts):
            if not m.failed:
                before = worker.cpu_ms()
                m.wall += worker.run(count)
                m.cpu.append((worker.cpu_ms() - before) / count)
    print(file=sys.stderr)
    for m, worker in zip(out, workers):
        if not m.failed:
            worker.end()
    return out


def table(head: list[str], rows: list[list[str]]) -> None:
    for row in (head, ["---"] * len(head), *rows):
        print(f"| {' | '.join(row)} |")
    print(flush=True)


def speed(a: argparse.Namespace, f32: Path, forms: dict[str, Path], able: list[str]) -> str:
    """Prints the table of one thread; gives the name of ONNX Runtime's fastest model."""
    peers = [onnxruntime("int8, as shipped", SHIPPED), onnxruntime("f32", f32)]
    peers += [onnxruntime(name, path) for name, path in forms.items()]
    peers += [openvino(), tract(a), rten(a)] + [goldcrest(a, kernel) for kernel in able if not (a.quick and kernel == "scalar")]
    found = in_turns(peers, str(a.cpu), a.rounds)
    theirs = [m for m in found if m.peer.name == "ONNX Runtime" and not m.failed]
    best_wall, best_cpu = min(theirs, key=lambda m: m.p50), min(theirs, key=lambda m: m.on_cpu)
    rows = []
    for m in found:
        if m.failed:
            rows.append([m.peer.name, m.peer.model, f"does not run: {m.failed}", "", "", "", ""])
            continue
        times = [f"{value:.1f}" for value in (m.p50, m.least, m.on_cpu)]
        rows.append([m.peer.name, m.peer.model, *times, f"{m.p50 / best_wall.p50:.2f}", f"{m.on_cpu / best_cpu.on_cpu:.2f}"])
    print(f"### One inference, one thread, {a.rounds} turns each\n")
    table(["runtime", "model", "p50 ms", "least ms", "CPU ms", "p50 ×", "CPU ×"], rows)
    print(f"× is against ONNX Runtime's fastest: {best_wall.peer.model} by the clock, {best_cpu.peer.model} by CPU time.\n", flush=True)
    return best_cpu.peer.model


def threads(a: argparse.Namespace, fastest: str, path: Path, best: str) -> None:
    """Prints what a second thread gains."""
    pairs = [
        [onnxruntime("int8, as shipped", SHIPPED, n) for n in (1, 2)],
        [onnxruntime(fastest, path, n) for n in (1, 2)],
        [openvino(n) for n in (1, 2)],
        [rten(a, n) for n in (1, 2)],
        [goldcrest(a, best, n) for n in (1, 2)],
    ]
    if path == SHIPPED:
        del pairs[1]
    found = in_turns([peer for pair in pairs for peer in pair], f"{a.cpu},{a.cpu + 1}", a.rounds)
    rows = []
    for one, two in zip(found[::2], found[1::2]):
        if one.failed or two.failed:
            rows.append([one.peer.name, one.peer.model, f"does not run: {one.failed or two.failed}", "", "", "", ""])
            continue
        times = [f"{value:.1f}" for value in (one.p50, two.p50, one.least, two.least)]
        rows.append([one.peer.name, one.peer.model, *times, f"{one.p50 / two.p50:.2f} ×", f"{one.least / two.least:.2f} ×"])
    print(f"### Two threads on two processors, {a.rounds} turns each\n")
    table(["runtime", "model", "one, p50 ms", "two, p50 ms", "one, least", "two, least", "gain, p50", "gain, least"], rows)


def replayed(a: argparse.Namespace, folder: Path) -> tuple[str, tuple[float, float]]:
    """What `goldcrest replay` of 500 frames does and its memory; over MQTT where a broker can be had."""
    frames = sorted(models.FRAMES.glob("*.jpg"))
    (folder / "frames").mkdir()
    for n in range(500):
        (folder / "frames" / f"{n}.jpg").symlink_to(frames[n % len(frames)])
    config, broker, over = folder / "config.toml", None, []
    config.write_text(f'[model]\npath = "{SHIPPED}"\n')
    try:
        broker, port = started_broker(folder)
        config.write_text(config.read_text() + f'[mqtt]\nhost = "127.0.0.1"\nport = {port}\n')
        over = ["--mqtt"]
    except FileNotFoundError:
        pass
    command = [a.goldcrest, "replay", folder / "frames", "--fps", "10", "--config", config, *over]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    memory = Memory(process.pid)
    said = process.communicate()[1]
    peaks = memory.stop()
    if broker:
        broker.terminate()
        broker.wait()
    if process.returncode:
        raise Failed((said.strip().splitlines() or ["it said nothing"])[-1])
    return "replay of 500 JPEG frames" + (" over MQTT" if over else ", no broker here"), peaks


def started_broker(folder: Path) -> tuple[subprocess.Popen, int]:
    """A mosquitto on a free port of loopback."""
    import socket
    import time

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "broker.conf").write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
    path = os.environ["PATH"] + ":/usr/sbin"
    broker = subprocess.Popen(["mosquitto", "-c", folder / "broker.conf"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ | {"PATH": path})
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            break
        except OSError:
            time.sleep(0.05)
    return broker, port


def memory(a: argparse.Namespace, f32: Path, base: Path | None) -> None:
    """Prints the peaks of whole processes: load, and 20 inferences."""
    peers = [
        Peer("ONNX Runtime in Python", "ConvNeXt Base f32", onnxruntime("", base or f32).command),
        Peer("ONNX Runtime in Python", "ConvNeXt Tiny f32", onnxruntime("", f32).command),
        Peer("ONNX Runtime in Python", "ConvNeXt Tiny int8", onnxruntime("", SHIPPED).command),
        Peer("OpenVINO in Python", "ConvNeXt Tiny int8", openvino().command),
        Peer("tract", "ConvNeXt Tiny int8", tract(a).command),
        Peer("rten", "ConvNeXt Tiny int8", rten(a).command, rten(a).env),
    ]
    if base is None:
        del peers[0]
    rows = []
    for peer in peers:
        worker = Worker(peer)
        sampled = Memory(worker.process.pid)
        try:
            worker.run(20)
            peaks = sampled.stop()
            rows.append([peer.name, peer.model, "20 inferences", *(f"{value:.1f}" for value in peaks)])
            worker.end()
        except Failed as e:
            sampled.stop()
            rows.append([peer.name, peer.model, f"does not run: {e}", "", ""])
    with tempfile.TemporaryDirectory(prefix="goldcrest-") as folder:
        what, peaks = replayed(a, Path(folder))
    rows.append(["Goldcrest", "ConvNeXt Tiny int8", what, *(f"{value:.1f}" for value in peaks)])
    print("### Memory of the whole process, load included\n")
    table(["runtime", "model", "what it did", "peak resident MiB", "peak anonymous MiB"], rows)


def about() -> None:
    """Prints the machine and what was compared."""
    text = Path("/proc/cpuinfo").read_text()
    fields = dict(line.split(":", 1) for line in text.split("\n\n")[0].splitlines() if ":" in line)
    fields = {key.strip(): value.strip() for key, value in fields.items()}
    flags = set((fields.get("flags") or fields.get("Features") or "").split())
    name = fields.get("model name", platform.machine())
    known = ", ".join(s for s in SETS if s in flags)
    kind = f" (family {fields['cpu family']}, model {fields['model']})" if "cpu family" in fields else ""
    print(f"Processor: {name}{kind}, {os.cpu_count()} of it here; of the instruction sets that matter it has {known}.")
    print(f"Load average before: {os.getloadavg()[0]:.1f}.")
    versions = ", ".join(f"{name} {version(name)}" for name in ("onnxruntime", "openvino"))
    for crate, lock in (("tract-onnx", ROOT / "Cargo.lock"), ("rten", HERE / "rten/Cargo.lock")):
        found = next(p for p in lock.read_text().split("[[package]]") if f'name = "{crate}"\n' in p)
        versions += f", {crate} " + found.split('version = "')[1].split('"')[0]
    print(f"Compared: {versions}.\n", flush=True)


def main() -> None:
    a = arguments()
    wanted = a.only.split(",")
    if a.quick:
        a.rounds = 2
    # The first use of a model packs it; nothing here is to measure that.
    one = models.FRAMES / "bottles-01.jpg"
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as config:
        print(f'[model]\npath = "{SHIPPED}"', file=config, flush=True)
        subprocess.run([a.goldcrest, "replay", one, "--config", config.name], check=True, stdout=subprocess.DEVNULL)
    f32, base, forms = models.made(cache(), a.quick)
    able = kernels(a)
    about()
    fastest = "int8, as shipped"
    if "speed" in wanted:
        fastest = speed(a, f32, forms, able)
    if "threads" in wanted:
        threads(a, fastest, (forms | {"f32": f32, "int8, as shipped": SHIPPED})[fastest], able[0])
    if "memory" in wanted:
        memory(a, f32, base)
    print(f"Load average after: {os.getloadavg()[0]:.1f}.")


if __name__ == "__main__":
    main()
