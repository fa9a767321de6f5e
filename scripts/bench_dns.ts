// deno-lint-ignore-file no-console -- a command prints
/**
 * `deno task bench:dns`: measures the name server, on fast and on portable sockets, and dnsmasq with the same zone, in
 * turn with `dnsperf -c 8`, and prints a markdown table. `--rounds N` says how often.
 * @module
 */

import { CapturedProcess, createScratch, freePort, run, unmet } from "../tests/lab/mod.ts";
import { hostsFile, MEMBERS, queryFile } from "./bench/dns_zone.ts";
import { processorSeconds } from "./bench/processor_time.ts";
import { median } from "./bench/samples.ts";

const CLIENTS = 8;
const SECONDS = 3;

/** A server under measurement. */
interface Contender {
  readonly name: string;
  readonly port: number;
  readonly process: CapturedProcess;
  readonly perSecond: number[];
  /** Processor time of the server for one query, in microseconds. */
  readonly costs: number[];
}

const lacking = unmet(["linux", "dnsperf", "dnsmasq"]);
if (lacking !== undefined) {
  console.error(`left out: ${lacking}`);
  Deno.exit(0);
}
const rounds = Number(Deno.args[Deno.args.indexOf("--rounds") + 1] ?? NaN) || 3;
await using scratch = await createScratch("bench-dns");
await Deno.writeTextFile(`${scratch.path}/hosts`, hostsFile());
await Deno.writeTextFile(`${scratch.path}/queries`, queryFile());
await using stack = new AsyncDisposableStack();

const contenders = [
  await weftContender("fast"),
  await weftContender("portable"),
  await dnsmasqContender(),
];
for (let round = 1; round <= rounds; round++) {
  for (const contender of contenders) await measure(contender, round);
}
const peer = contenders.at(-1);
console.log(
  `| dnsperf -c ${CLIENTS}, median (lowest to highest) | queries a second | ratio | server's time a query |`,
);
console.log("| --- | --- | --- | --- |");
for (const { name, perSecond, costs } of contenders) {
  const [lowest, highest] = [Math.min(...perSecond), Math.max(...perSecond)].map((each) => each.toFixed(0));
  const ratio = (median(perSecond) / median(peer?.perSecond ?? [])).toFixed(2);
  const rate = `${median(perSecond).toFixed(0)} (${lowest} to ${highest})`;
  console.log(`| ${name} | ${rate} | ${ratio} | ${median(costs).toFixed(1)} µs |`);
}
console.log(
  `\n${rounds} rounds in turn of ${SECONDS} s, ${MEMBERS} names; Deno ${Deno.version.deno}, ` +
    `${navigator.hardwareConcurrency} cores shared by server and clients, Linux ${Deno.osRelease()}.`,
);

async function weftContender(sockets: "fast" | "portable"): Promise<Contender> {
  const port = freePort();
  const script = new URL("./bench/dns_server.ts", import.meta.url).pathname;
  const command = [Deno.execPath(), "run", "--quiet", "-A", "--unstable-net", script, sockets, String(port)];
  const process = stack.use(new CapturedProcess(command, { label: `weft, ${sockets}` }));
  await process.until(({ stdout }) => stdout.includes("ready"), 30_000, "it is ready");
  return { name: `weft, ${sockets} sockets`, port, process, perSecond: [], costs: [] };
}

async function dnsmasqContender(): Promise<Contender> {
  const port = freePort();
  const process = stack.use(
    new CapturedProcess([
      "dnsmasq",
      "--no-daemon",
      "--conf-file=/dev/null",
      "--no-resolv",
      "--no-hosts",
      `--addn-hosts=${scratch.path}/hosts`,
      `--port=${port}`,
      "--listen-address=127.0.0.1",
      "--bind-interfaces",
      "--local=/weft.internal/",
      "--pid-file=",
      "--user=root",
    ], { label: "dnsmasq" }),
  );
  await process.until(({ stderr }) => stderr.includes(`${MEMBERS} `), 10_000, "it has read the zone");
  const version = /version ([\d.]+)/.exec(process.stderr)?.[1] ?? "";
  return { name: `dnsmasq ${version}`, port, process, perSecond: [], costs: [] };
}

async function measure({ name, port, process, perSecond, costs }: Contender, round: number): Promise<void> {
  const asked = (seconds: number): readonly string[] => [
    ...["dnsperf", "-s", "127.0.0.1", "-p", String(port), "-d", `${scratch.path}/queries`],
    ...["-c", String(CLIENTS), "-l", String(seconds)],
  ];
  // Code that is new is slow in both.
  if (round === 1) await run(asked(1));
  const before = processorSeconds(process.pid);
  const { stdout } = await run(asked(SECONDS));
  const spentSeconds = processorSeconds(process.pid) - before;
  const completed = Number(/Queries completed: +(\d+)/.exec(stdout)?.[1]);
  const rate = Number(/Queries per second: +([\d.]+)/.exec(stdout)?.[1]);
  const lost = Number(/Queries lost: +(\d+)/.exec(stdout)?.[1]);
  if (!(completed > 0) || /SERVFAIL|NXDOMAIN|REFUSED/.test(stdout)) {
    throw new Error(`${name} answers wrongly\n${stdout}`);
  }
  perSecond.push(rate);
  costs.push(spentSeconds * 1e6 / completed);
  console.error(`  round ${round}, ${name}: ${rate.toFixed(0)} queries a second, ${lost} lost`);
}
