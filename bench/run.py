"""Measures the release build, and with --compare its peers, in one run on this machine.

Every figure comes from `millstream bench`, which checks each answer (Kafka: from its own
producer tool), the median of three runs. Results go to build/bench/results.jsonl, one object a
line; bench/report.py makes docs/benchmarks.md of them.
"""

import argparse
import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MILLSTREAM = Path(os.environ.get("MILLSTREAM_BINARY") or ROOT / "build/release/src/cli/millstream")
OUT = ROOT / "build/bench"
RESULTS = OUT / "results.jsonl"
KEY, SECRET = "AKIABENCHBENCHBENCH0", "bench-secret"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def answers(port, path="/"):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=1):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


class Process:
    """A server, its output in a log; stopped on exit."""

    def __init__(self, name, command, port, environment=None, cwd=None):
        self.name, self.port = name, port
        self.log = (OUT / f"{name}.log").open("wb")
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            [str(c) for c in command],
            stdout=self.log,
            stderr=self.log,
            env={**os.environ, **(environment or {})},
            cwd=cwd,
        )

    def wait_ready(self, path="/", seconds=60):
        while time.monotonic() - self.started < seconds:
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.name} ended: see {self.log.name}")
            if answers(self.port, path):
                return time.monotonic() - self.started
            time.sleep(0.001)
        raise RuntimeError(f"{self.name} does not answer: see {self.log.name}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def resident_mb(pid):
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) * 1024 / 1e6


def write_result(**result):
    with RESULTS.open("a") as file:
        file.write(json.dumps(result) + "\n")


def fresh_folder(name):
    folder = OUT / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def millstream_server(port, data, config):
    return Process(
        "millstream",
        [MILLSTREAM, "serve", "--config", config, "--data", data, "--listen", f"127.0.0.1:{port}"],
        port,
    )


def median_run(results, figure="records_per_s"):
    """The result whose `figure` is the median (the lower one of two)."""
    return sorted(results, key=lambda r: r[figure])[(len(results) - 1) // 2]


def load(name, server, args, scenarios=None):
    """Loads of all scenarios, args.runs times each; the medians go to the results."""
    code = 0
    runs = OUT / "runs.jsonl"
    runs.unlink(missing_ok=True)
    command = [MILLSTREAM, "bench", "--endpoint", f"http://127.0.0.1:{server.port}"]
    command += ["--server-name", name, "--server-pid", server.process.pid]
    command += ["--access-key", KEY, "--secret-key", SECRET]
    command += ["--duration", f"{args.seconds}s", "--json", runs]
    for scenario in scenarios or args.scenario:
        command += ["--scenario", scenario]
    for _ in range(args.runs):
        code = max(code, subprocess.run([str(c) for c in command]).returncode)
    measured = {}
    for result in map(json.loads, runs.read_text().splitlines() if runs.exists() else []):
        measured.setdefault(result["scenario"], []).append(result)
    for scenario, results in measured.items():
        # These have a fixed rate.
        paced = scenario.startswith(("latency_", "push_"))
        write_result(**median_run(results, "p99_ms" if paced else "records_per_s"))
    return code


def bench_millstream(args):
    folder = fresh_folder("data")
    config = folder / "millstream.yaml"
    config.write_text(
        f"access_keys:\n  - access_key: {KEY}\n    secret_key: {SECRET}\n"
        '    account: "111122223333"\n'
    )
    starts, memory = [], []
    for i in range(5):
        port = free_port()
        with millstream_server(port, folder / f"start{i}", config) as server:
            starts.append(server.wait_ready("/health") * 1000)
            time.sleep(1)
            memory.append(resident_mb(server.process.pid))
    start, idle = statistics.median(starts), statistics.median(memory)
    print(
        f"{'millstream':<12} {'start':<22} {start:>10.0f} ms to first answer, "
        f"idle memory {idle:.0f} MB"
    )
    write_result(server="millstream", scenario="start", start_ms=start, memory_mb=idle)
    port = free_port()
    with millstream_server(port, folder / "load", config) as server:
        server.wait_ready("/health")
        return load("millstream", server, args)


PUTS = ["put_records_500x100", "put_records_100x1k", "put_record_100"]


def puts_of(args):
    return [s for s in PUTS if not args.scenario or s in args.scenario]


def bench_kinesalite(args):
    port = free_port()
    command = ["node", "node_modules/kinesalite/cli.js", "--port", port]
    command += ["--createStreamMs", 0, "--shardLimit", 1000]
    with Process("kinesalite", command, port, cwd=ROOT / "bench/js") as server:
        server.wait_ready()
        return load("kinesalite", server, args, puts_of(args))


def bench_kinesis_local(args):
    port, tls_port = free_port(), free_port()
    environment = {
        "KINESIS_MOCK_PLAIN_PORT": str(port),
        "KINESIS_MOCK_TLS_PORT": str(tls_port),
        "CREATE_STREAM_DURATION": "0ms",
        "SHARD_LIMIT": "1000",
        "LOG_LEVEL": "ERROR",
    }
    folder = ROOT / "bench/js/node_modules/kinesis-local"
    with Process("kinesis-local", ["node", "main.js"], port, environment, folder) as server:
        server.wait_ready()
        return load("kinesis-local", server, args, puts_of(args))


def bench_ferrokinesis(args):
    port = free_port()
    command = [ROOT / "build/tools/bin/ferrokinesis", "--port", port]
    command += ["--create-stream-ms", 0, "--shard-limit", 1000]
    with Process("ferrokinesis", command, port) as server:
        server.wait_ready()
        return load("ferrokinesis", server, args, puts_of(args))


KAFKA_FORMAT = re.compile(
    r"([\d.]+) records/sec \(([\d.]+) MB/sec\), ([\d.]+) ms avg latency, ([\d.]+) ms max latency, "
    r"(\d+) ms 50th, (\d+) ms 95th, (\d+) ms 99th, (\d+) ms 99.9th"
)


def bench_kafka(args):
    """One broker, acks=all, with and without a flush for each batch; its own producer tool."""
    folder = fresh_folder("kafka")
    port, controller = free_port(), free_port()
    classpath = f"{ROOT}/build/kafka/*"
    properties = folder / "server.properties"
    properties.write_text(
        "process.roles=broker,controller\nnode.id=1\n"
        f"controller.quorum.voters=1@127.0.0.1:{controller}\n"
        f"listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}\n"
        f"advertised.listeners=PLAINTEXT://127.0.0.1:{port}\n"
        "controller.listener.names=CONTROLLER\ninter.broker.listener.name=PLAINTEXT\n"
        "offsets.topic.replication.factor=1\ntransaction.state.log.replication.factor=1\n"
        f"transaction.state.log.min.isr=1\nlog.dirs={folder}/logs\n"
    )
    java = ["java", "-Xmx2g", "-cp", classpath]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "check": True}
    storage = [*java, "kafka.tools.StorageTool"]
    cluster = subprocess.run(
        [*storage, "random-uuid"], capture_output=True, text=True, check=True
    ).stdout.split()[-1]
    subprocess.run([*storage, "format", "-t", cluster, "-c", str(properties)], **quiet)
    with Process("kafka", [*java, "kafka.Kafka", properties], port) as server:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.2)
        sizes = {"put_records_500x100": 100, "put_records_100x1k": 1024}
        for flush in (True, False):
            for scenario, size in sizes.items():
                if args.scenario and scenario not in args.scenario:
                    continue
                topic = f"bench-{size}-{'flush' if flush else 'cache'}"
                create = [*java, "org.apache.kafka.tools.TopicCommand"]
                create += ["--bootstrap-server", f"127.0.0.1:{port}", "--create", "--topic", topic]
                create += ["--partitions", "8"]
                if flush:
                    create += ["--config", "flush.messages=1"]
                subprocess.run(create, **quiet)
                records = args.seconds * (400_000 if size == 100 else 80_000)
                produce = [*java, "org.apache.kafka.tools.ProducerPerformance"]
                produce += ["--topic", topic, "--num-records", str(records)]
                produce += ["--record-size", str(size), "--throughput", "-1", "--producer-props"]
                produce += [f"bootstrap.servers=127.0.0.1:{port}", "acks=all"]
                produce += ["batch.size=65536", "linger.ms=5"]
                lasts = []
                for _ in range(args.runs):
                    produced = subprocess.run(produce, capture_output=True, text=True).stdout
                    lasts.append(KAFKA_FORMAT.findall(produced)[-1])
                last = median_run([dict(enumerate(x), rate=float(x[0])) for x in lasts], "rate")
                name = "kafka-flush" if flush else "kafka-cache"
                rate = float(last[0])
                print(
                    f"{name:<12} {scenario:<22} {rate:>10.0f} records/s "
                    f"{rate * size / 1e6:>7.1f} MB/s  p50 {last[4]} ms  p99 {last[6]} ms  "
                    f"p99.9 {last[7]} ms"
                )
                write_result(
                    server=name,
                    scenario=scenario,
                    records_per_s=rate,
                    mb_per_s=rate * size / 1e6,
                    p50_ms=float(last[4]),
                    p99_ms=float(last[6]),
                    p999_ms=float(last[7]),
                    memory_mb=resident_mb(server.process.pid),
                    errors=0,
                )
    return 0


def compare_with_baseline():
    """Ratios to bench/baseline.jsonl: what the commit that saved it reached on such a machine."""
    baseline = {
        (r["server"], r["scenario"]): r
        for r in map(json.loads, (ROOT / "bench/baseline.jsonl").read_text().splitlines())
    }
    print("against bench/baseline.jsonl (another day, perhaps another machine):")
    for result in map(json.loads, RESULTS.read_text().splitlines()):
        old = baseline.get((result["server"], result["scenario"]))
        if old and "records_per_s" in old:
            ratio = result["records_per_s"] / old["records_per_s"]
            print(f"  {result['server']:<12} {result['scenario']:<22} {ratio:5.2f} x records/s")


PEERS = {
    "kinesalite": bench_kinesalite,
    "kinesis-local": bench_kinesis_local,
    "ferrokinesis": bench_ferrokinesis,
    "kafka": bench_kafka,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--compare", action="store_true", help="measure the peers too")
    parser.add_argument("--peer", action="append", choices=PEERS, help="only these peers")
    parser.add_argument("--scenario", action="append", default=[], help="only these scenarios")
    parser.add_argument("--seconds", type=int, default=10, help="of each run of a scenario")
    parser.add_argument("--runs", type=int, default=3, help="of each scenario; the median counts")
    args = parser.parse_args()
    OUT.mkdir(parents=True, exist_ok=True)
    RESULTS.unlink(missing_ok=True)
    failed = []
    if bench_millstream(args) != 0:
        failed.append("millstream")
    if args.compare or args.peer:
        for name in args.peer or PEERS:
            # A peer that fails or answers wrongly is a result, not our failure.
            try:
                PEERS[name](args)
            except (RuntimeError, subprocess.CalledProcessError, IndexError) as error:
                print(f"{name:<12} could not be measured: {error}")
    compare_with_baseline()
    sys.exit(1 if "millstream" in failed else 0)


if __name__ == "__main__":
    main()
