// PutRecord by the AWS SDK for JavaScript v3 with its own defaults: HTTP/2, a session for every
// call. Keeps `atOnce` calls under way for `seconds`; any call that fails ends it.
//   node put_record.mjs ENDPOINT STREAM SECONDS AT_ONCE SERVER_PID    keys: AWS_ACCESS_KEY_ID …
// Prints {"calls", "calls_per_s", "p50_ms", "p99_ms", "cpu_percent", "server_cpu_percent"}: shares
// of a core, its own and the server's.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { KinesisClient, PutRecordCommand } from "@aws-sdk/client-kinesis";

const [endpoint, stream, seconds, atOnce, serverPid] = process.argv.slice(2);
const kinesis = new KinesisClient({ endpoint, region: "us-east-1", maxAttempts: 1 });
const data = new Uint8Array(100).fill(114);
const latencies = [];

async function put() {
  const start = performance.now();
  const key = String(Math.random());
  await kinesis.send(new PutRecordCommand({ StreamName: stream, PartitionKey: key, Data: data }));
  latencies.push(performance.now() - start);
}

async function putUntil(end) {
  while (performance.now() < end) await put();
}

async function putFor(time) {
  const end = performance.now() + time * 1000;
  await Promise.all(Array.from({ length: Number(atOnce) }, () => putUntil(end)));
}

// User and system time (proc(5): fields 14 and 15), behind the name, which may hold spaces.
const ticksPerSecond = Number(execFileSync("getconf", ["CLK_TCK"]));
function serverCpuSeconds() {
  const stat = readFileSync(`/proc/${serverPid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

await putFor(1); // the JIT compiler
latencies.length = 0;
const cpu = process.cpuUsage();
const serverCpu = serverCpuSeconds();
const start = performance.now();
await putFor(Number(seconds));
const elapsed = performance.now() - start;
const used = process.cpuUsage(cpu);
latencies.sort((a, b) => a - b);
console.log(
  JSON.stringify({
    calls: latencies.length,
    calls_per_s: (latencies.length / elapsed) * 1000,
    p50_ms: latencies[Math.floor(latencies.length / 2)],
    p99_ms: latencies[Math.floor(latencies.length * 0.99)],
    cpu_percent: (used.user + used.system) / 10 / elapsed,
    server_cpu_percent: ((serverCpuSeconds() - serverCpu) / elapsed) * 1e5,
  }),
);
process.exit(0); // the SDK keeps its last sessions open
