import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import {
  type CapturedProcess,
  type Host,
  Lab,
  labTest,
  measureThroughput,
  PACKET_PLANE,
  pingMany,
  split,
  waitFor,
  WgDevice,
} from "../lab/mod.ts";
import type { PrintedCounts, PrintedLeg } from "./relay_program.ts";

const PATIENCE_MS = 20_000;

/** A relay on a host of the lab. */
class Relay implements AsyncDisposable {
  readonly host: Host;
  readonly #process: CapturedProcess;

  private constructor(host: Host, process: CapturedProcess) {
    this.host = host;
    this.#process = process;
  }

  static async start(host: Host, kind: "fast" | "portable"): Promise<Relay> {
    const relay = new Relay(host, host.namespace.spawn(program("host", kind, "1")));
    await relay.#process.until(({ stdout }) => stdout.includes("\n"), PATIENCE_MS, "it relays");
    return relay;
  }

  get legs(): readonly [PrintedLeg, PrintedLeg] {
    return JSON.parse(this.#process.stdout.split("\n")[0] ?? "")[0];
  }

  get counts(): PrintedCounts {
    return JSON.parse(this.#process.stdout.trimEnd().split("\n").at(-1) ?? "");
  }

  async dropped(reason: string): Promise<void> {
    const has = () => (this.counts.drops?.[reason] ?? 0) > 0;
    await waitFor(() => has(), PATIENCE_MS, { what: `${reason} is counted` });
  }

  /** Binds the leg of one member, which is to listen on `port` afterwards. @returns the leg's endpoint */
  async bind(which: 0 | 1, member: Host, port: number, counter = 1): Promise<string> {
    const leg = this.legs[which];
    const command = program("bind", `${port}`, JSON.stringify(leg), this.host.address4, `${counter}`);
    assert.equal(await member.namespace.expectRun(command), "bound\n");
    return `${this.host.address4}:${leg.port}`;
  }

  kill(): Promise<unknown> {
    return this.#process.kill();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]();
  }
}

function program(...args: readonly string[]): readonly string[] {
  const path = fileURLToPath(new URL("./relay_program.ts", import.meta.url));
  return [Deno.execPath(), "run", "--quiet", "-A", "--unstable-net", path, ...args];
}

labTest(
  "weft and wireguard-go reach each other by relays alone, one after the other",
  [...PACKET_PLANE, "wg", "wireguard-go", "iperf3"],
  async (test) => {
    await using lab = await Lab.create(["A", "B", "R", "S"]);
    const [a, b, r, s] = [lab.host("A"), lab.host("B"), lab.host("R"), lab.host("S")];
    await split([a], [b]);
    const [first, second] = await Promise.all([Relay.start(r, "fast"), Relay.start(s, "portable")]);
    lab.use(first);
    lab.use(second);
    const ports = [51820, 51821] as const;
    const ends = [[0, a], [1, b]] as const;
    const bindAll = (relay: Relay, port: number) =>
      Promise.all(ends.map(([which, host]) => relay.bind(which, host, port)));
    // Whoever has bound a port of a device may go: the device takes the port.
    const [legA = "", legB = ""] = await bindAll(first, ports[0]);
    const later = await bindAll(second, ports[1]);
    const start = (host: Host, implementation: "weft" | "wireguard-go", address: string) =>
      WgDevice.start(host.namespace, { implementation, addresses: [`${address}/24`], port: ports[0] });
    const deviceA = lab.use(await start(a, "weft", "10.9.0.1"));
    const deviceB = lab.use(await start(b, "wireguard-go", "10.9.0.2"));
    const reached = () =>
      waitFor(async () => await pingMany(a, "10.9.0.2", 1) === 1, PATIENCE_MS, { what: "it answers" });

    await test.step("a handshake and TCP go through, both ways", async () => {
      await deviceA.setPeer(deviceB.keys.publicKey, "allowed-ips", "10.9.0.2/32", "endpoint", legA);
      await deviceB.setPeer(deviceA.keys.publicKey, "allowed-ips", "10.9.0.1/32", "endpoint", legB);
      await reached();
      for (const options of [["-t", "1"], ["-t", "1", "-R"]]) {
        const server = { place: b.namespace, address: "10.9.0.2" };
        const { bytes } = await measureThroughput(a.namespace, server, options);
        assert(bytes > 1_000_000, `${options}: ${bytes}`);
      }
      await waitFor(() => (first.counts.bytes[0] ?? 0) > 2_000_000, PATIENCE_MS, { what: "it is counted" });
    });

    await test.step("a replayed bind from elsewhere, and strangers' packets, change nothing", async () => {
      const [leg, other] = first.legs;
      for (
        const [tried, counter, reason] of [
          [leg, 1, "replayed-bind"],
          [{ ...leg, secret: other.secret }, 9, "wrong-bind"],
        ] as const
      ) {
        const command = program("bind", "47000", JSON.stringify(tried), r.address4, `${counter}`);
        await using binding = s.namespace.spawn(command);
        await first.dropped(reason);
        assert.equal(binding.ended, undefined);
      }
      assert.equal(await pingMany(a, "10.9.0.2", 2), 2);
    });

    await test.step("when the relay dies, the next one carries the same session", async () => {
      await first.kill();
      assert.equal(await pingMany(a, "10.9.0.2", 1), 0);
      await deviceA.set("listen-port", `${ports[1]}`);
      await deviceB.set("listen-port", `${ports[1]}`);
      await deviceA.setPeer(deviceB.keys.publicKey, "endpoint", later[0] ?? "");
      await deviceB.setPeer(deviceA.keys.publicKey, "endpoint", later[1] ?? "");
      await reached();
      await waitFor(() => (second.counts.bytes[0] ?? 0) > 0, PATIENCE_MS, { what: "it is counted" });
    });
  },
);
