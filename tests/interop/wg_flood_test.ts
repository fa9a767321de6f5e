import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import {
  type CapturedProcess,
  type Host,
  Lab,
  labTest,
  PACKET_PLANE,
  pause,
  pingMany,
  residentBytes,
  thoroughIf,
  waitFor,
  WgDevice,
  type WgImplementation,
} from "../lab/mod.ts";
import type { Flood, FloodReport } from "./spoofed_flood.ts";

const [VICTIM, FRIEND, NEWCOMER] = ["10.9.0.1", "10.9.0.2", "10.9.0.3"] as const;
const PINGS_A_SECOND = 50;
/** Initiations a second, each from another address. */
const FLOOD_RATE = 4000;
const FLOOD_MOST = 100_000;
/** Handshakes a second that a device works on without asking for a cookie; a second after that there are none. */
const CALM_HANDSHAKES = 100;
/** The first initiation is answered by a cookie; the next one, 5 s later with jitter, is taken. */
const RETRY_MS = 5000;
const HANDSHAKE_BOUND_MS = 4 * RETRY_MS;
/** Of pings; the machine carries flood, pings, three devices and perhaps other tests at once. */
const LOSS_BOUND = { fast: 0.1, portable: 0.4 } as const;
/** Room for garbage that the collector has not picked up yet; a leak of 6 KB an initiation would be as much. */
const GROWTH_BOUND_BYTES = 160 << 20;

for (const dataplane of ["fast", "portable"] as const) {
  labTest(
    `weft wg keeps working under a flood of handshakes from spoofed sources, ${dataplane} data plane`,
    [...PACKET_PLANE, "wg", "wireguard-go", ...thoroughIf(dataplane === "portable")],
    async (test) => {
      await using lab = await Lab.create(["V", "F", "N", "X"]);
      const start = async (host: string, address: string, implementation: WgImplementation) =>
        lab.use(
          await WgDevice.start(lab.host(host).namespace, {
            implementation,
            addresses: [`${address}/24`],
            port: 51820,
            ...host === "V" ? { dataplane } : {},
          }),
        );
      const victim = await start("V", VICTIM, "weft");
      const friend = await start("F", FRIEND, "weft");
      const newcomer = await start("N", NEWCOMER, "wireguard-go");
      const endpoint = `${lab.host("V").address4}:51820`;
      for (const [device, address] of [[friend, FRIEND], [newcomer, NEWCOMER]] as const) {
        await victim.setPeer(device.keys.publicKey, "allowed-ips", `${address}/32`);
        await device.setPeer(victim.keys.publicKey, "allowed-ips", `${VICTIM}/32`, "endpoint", endpoint);
      }
      assert.equal(await pingMany(lab.host("F"), VICTIM, 50), 50);
      const residentBefore = residentBytes(victim.process.pid);

      await using flood = await startFlood(lab.host("X"), lab.host("V"), victim);
      await using pings = startPings(lab.host("F"));
      await pause(1000);
      const tookMs = await handshakeTime(lab.host("N"), victim, newcomer.keys.publicKey);
      const newcomerReceived = await pingMany(lab.host("N"), VICTIM, 10);
      const grownBytes = residentBytes(victim.process.pid) - residentBefore;
      const { lost, worstMs, sent: pinged } = await endPings(pings);
      const report = await endFlood(flood);
      await victim.process.stop();
      const dropped = droppedOf(victim.process);
      // deno-lint-ignore no-console -- measurements are for whoever reads the run
      console.log(
        `${report.sent} initiations, ${(report.sent / report.tookMs * 1000).toFixed(0)} a second; ` +
          `${lost} of ${pinged} pings lost, the slowest ${worstMs} ms; a legitimate handshake in ` +
          `${(tookMs / 1000).toFixed(1)} s; resident ${megabytes(residentBefore)}, grown by ` +
          `${megabytes(grownBytes)}\nanswers: ${JSON.stringify(report)}\ndropped: ${JSON.stringify(dropped)}`,
      );

      await test.step("the session that was there goes on", () => {
        assert(pinged > RETRY_MS / 1000 * PINGS_A_SECOND / 2);
        assert(lost <= pinged * LOSS_BOUND[dataplane], `${lost} of ${pinged} pings were lost`);
      });

      await test.step("a peer that has none gets one, by a cookie", () => {
        assert(tookMs > RETRY_MS - 1000, "its first initiation was answered by a cookie");
        assert(newcomerReceived >= 9);
      });

      await test.step("few handshakes are worked on, and the rest is counted", () => {
        const { "unknown-peer": worked = 0, "under-load": asked = 0 } = dropped;
        assert(worked > 0 && worked <= 2 * CALM_HANDSHAKES, `${worked} handshakes`);
        assert(asked > report.sent / 2, `${asked} of ${report.sent} were asked for a cookie`);
        assert(Object.values(dropped).reduce((sum, count) => sum + count, 0) <= report.sent + 100);
      });

      await test.step("strangers get cookies, shorter than what they sent, and nothing else", () => {
        const [, initiations, responses, cookies = 0] = report.answers;
        assert.deepEqual([initiations, responses], [0, 0]);
        assert(cookies > report.sent / 2 && cookies <= report.sent);
        assert.equal(report.longestAnswerBytes, 64);
      });

      await test.step("memory stays bounded", () => {
        assert(grownBytes < GROWTH_BOUND_BYTES, megabytes(grownBytes));
      });
    },
  );
}

async function startFlood(from: Host, to: Host, target: WgDevice): Promise<CapturedProcess> {
  await from.namespace.ip("route add local 198.18.0.0/15 dev lo");
  await to.namespace.ip(`route add 198.18.0.0/15 via ${from.address4}`);
  const flood: Flood = {
    targetPublicKey: target.keys.publicKey,
    address: to.address4,
    port: 51820,
    rate: FLOOD_RATE,
    most: FLOOD_MOST,
    seed: crypto.getRandomValues(new Uint32Array(1))[0] ?? 0,
  };
  const program = fileURLToPath(new URL("./spoofed_flood.ts", import.meta.url));
  return from.namespace.spawn([Deno.execPath(), "run", "--quiet", "-A", program, JSON.stringify(flood)], {
    cwd: fileURLToPath(new URL("../../", import.meta.url)),
    label: `flood with seed ${flood.seed}`,
  });
}

async function endFlood(flood: CapturedProcess): Promise<FloodReport> {
  const { code, stdout } = await flood.stop();
  assert.equal(code, 0, flood.tail());
  return JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
}

function startPings(from: Host): CapturedProcess {
  return from.namespace.spawn(["ping", "-q", "-i", String(1 / PINGS_A_SECOND), VICTIM]);
}

async function endPings(pings: CapturedProcess): Promise<{ sent: number; lost: number; worstMs: number }> {
  const { stdout } = await pings.stop("SIGINT");
  const [, sent, received] = /(\d+) packets transmitted, (\d+) received/.exec(stdout) ?? [];
  // The last one may still be on its way.
  const lost = Math.max(0, Number(sent) - 1 - Number(received));
  return {
    sent: Number(sent),
    lost,
    worstMs: Number(/max\/mdev = [\d.]+\/[\d.]+\/([\d.]+)/.exec(stdout)?.[1]),
  };
}

/** @returns how long it takes a peer that has no session until it has one, in milliseconds */
async function handshakeTime(from: Host, victim: WgDevice, publicKey: string): Promise<number> {
  const startedAt = performance.now();
  await from.namespace.run(["ping", "-c", "1", "-W", "1", VICTIM]);
  await waitFor(async () => (await victim.peer(publicKey)).latestHandshake > 0, HANDSHAKE_BOUND_MS, {
    what: "the newcomer has a session",
  });
  return performance.now() - startedAt;
}

/** What its last line of log says: `reason=count` for each reason. */
function droppedOf(process: CapturedProcess): Readonly<Record<string, number>> {
  const line = process.stderr.split("\n").find((each) => each.includes("the interface has ended")) ?? "";
  return Object.fromEntries(
    [...line.matchAll(/([a-z0-9-]+)=(\d+)/g)].map(([, reason, count]) => [reason, Number(count)]),
  );
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}
