import assert from "node:assert/strict";
import {
  type Host,
  hostLosses,
  Lab,
  labTest,
  measureThroughput,
  PACKET_PLANE,
  pingMany,
  waitFor,
  WgDevice,
  type WgImplementation,
} from "../lab/mod.ts";

/** Megabytes of each run of iperf3, of which there are 32 against each implementation. */
const GIVEN_MEGABYTES = Deno.env.get("WEFT_TEST_MEGABYTES");
const TCP_MEGABYTES = Number(GIVEN_MEGABYTES ?? 10);
const UDP_MEGABYTES = Number(GIVEN_MEGABYTES ?? 2);
/** Nothing holds a sender of UDP back: what a machine that does other things too can keep up with. */
const UDP_RATE = GIVEN_MEGABYTES === undefined ? "100M" : "300M";
/** iperf3's receiver stops counting when the sender is done: what the sockets' buffers still hold does not count. */
const BUFFERED_BYTES = 6 << 20;

const PORT = 51820;
const [A4, B4, A6, B6] = ["10.9.0.1", "10.9.0.2", "fd00:9::1", "fd00:9::2"] as const;
/** The usual one, and the longest that a peer on Windows may have; outside it comes in fragments. */
const MTUS = [1420, 34_736] as const;
const SETTLE_BOUND_MS = 5_000;
/** Counters that have not changed for so long stand still. */
const SETTLE_MS = 150;

for (const other of ["weft", "wireguard-go"] as const satisfies readonly WgImplementation[]) {
  labTest(
    `weft wg carries everything to ${other} under wg`,
    [...PACKET_PLANE, "wg", "iperf3", other === "weft" ? "thorough" : other],
    async (test) => {
      await using lab = await Lab.create(["A", "B"]);
      const [hostA, hostB] = [lab.host("A"), lab.host("B")];
      const [a, b] = [await start(lab, hostA, "weft"), await start(lab, hostB, other)];
      await a.setPeer(b.keys.publicKey, "allowed-ips", `${B4}/32,${B6}/128`);
      await b.setPeer(a.keys.publicKey, "allowed-ips", `${A4}/32,${A6}/128`);

      const from = (host: Host, version: 4 | 6) =>
        version === 4 ? `${host.address4}:${PORT}` : `[${host.address6}]:${PORT}`;

      const balance = new Balance(a, b);
      await test.step("counters are exact", async () => {
        await a.setPeer(b.keys.publicKey, "endpoint", from(hostB, 4));
        assert.equal(await pingMany(hostA, B4, 10), 10);
        await balance.check();
        const [mine, theirs] = [await a.peer(b.keys.publicKey), await b.peer(a.keys.publicKey)];
        // An initiation, ten packets of 84 bytes that are padded to 96, and perhaps an empty one that confirms.
        assert([1428, 1460].includes(mine.txBytes), String(mine.txBytes));
        assert.equal(mine.rxBytes, 92 + 10 * 128);
        assert.deepEqual([theirs.rxBytes, theirs.txBytes], [mine.txBytes, mine.rxBytes]);
        assert(Math.abs(mine.latestHandshake - Date.now() / 1000) < 60);
      });

      for (const outside of [4, 6] as const) {
        for (const mtuBytes of MTUS) {
          await test.step(`over IPv${outside}, MTU ${mtuBytes}: pings, TCP and UDP both ways`, async () => {
            await a.setPeer(b.keys.publicKey, "endpoint", from(hostB, outside));
            await b.setPeer(a.keys.publicKey, "endpoint", from(hostA, outside));
            for (const device of [a, b]) await device.namespace.ip(`link set ${device.name} mtu ${mtuBytes}`);
            const whole = async () => await pingSized(hostA, B4, mtuBytes - 28) === 3;
            await waitFor(whole, SETTLE_BOUND_MS, { what: "a ping of the whole MTU is answered" });
            for (const [host, address] of [[hostA, B4], [hostB, A6]] as const) {
              // On a busy machine ping itself does not wait for the last ones.
              assert(await floodPing(host, address, 250) >= 248);
            }
            for (const address of [B4, B6]) {
              await carry(hostA, { place: hostB.namespace, address }, mtuBytes);
              await balance.check();
            }
          });
        }
      }
    },
  );
}

/** Starts one end with the addresses of its host. */
async function start(lab: Lab, host: Host, implementation: WgImplementation): Promise<WgDevice> {
  const [address4, address6] = host === lab.host("A") ? [A4, A6] : [B4, B6];
  const addresses = [`${address4}/24`, `${address6}/64`];
  return lab.use(await WgDevice.start(host.namespace, { implementation, addresses, port: PORT }));
}

/** TCP and UDP, there and back. */
async function carry(
  from: Host,
  to: { readonly place: Host["namespace"]; readonly address: string },
  mtuBytes: number,
): Promise<void> {
  // As long as they fit behind the headers of IPv6 and UDP.
  const udpOptions = `-u -b ${UDP_RATE} -l ${mtuBytes - 48} -n ${UDP_MEGABYTES}M`.split(" ");
  for (const direction of [[], ["-R"]]) {
    const tcp = await measureThroughput(from.namespace, to, ["-n", `${TCP_MEGABYTES}M`, ...direction]);
    assert(tcp.bytes >= TCP_MEGABYTES * 2 ** 20 - BUFFERED_BYTES, `${tcp.bytes} bytes`);
    const receiver = direction.length === 0 ? to.place : from.namespace;
    const before = await hostLosses(receiver, PORT);
    const udp = await measureThroughput(from.namespace, to, [...udpOptions, ...direction]);
    const { fullSockets } = await hostLosses(receiver, PORT);
    const lostPercent = udp.lostPercent ?? 100;
    // The receiver's own socket, five datagrams long at the larger MTU, may be full while others have the processor.
    const wasFull = fullSockets > before.fullSockets;
    assert(lostPercent < (wasFull ? 60 : 1), `${lostPercent} % of the datagrams were lost`);
    // deno-lint-ignore no-console -- a measurement for the log
    console.log(
      `MTU ${mtuBytes}, to ${to.address} ${direction}: ${
        (tcp.bitsPerSecond / 1e6).toFixed(0)
      } Mbit/s of TCP, ` +
        `${lostPercent.toFixed(2)} % of UDP lost${wasFull ? " at full sockets" : ""}`,
    );
  }
}

/** Holds what one has received against what the other has sent. */
class Balance {
  readonly #a: WgDevice;
  readonly #b: WgDevice;
  /** What was missing so far, on the way to B and to A. */
  #missing: readonly number[] = [0, 0];
  #lostDatagrams = 0;

  constructor(a: WgDevice, b: WgDevice) {
    this.#a = a;
    this.#b = b;
  }

  /** Nothing more is missing, to the byte, or else the hosts say that they have lost datagrams; never too much. */
  async check(): Promise<void> {
    const former = this.#missing;
    const missing = await this.#settled();
    const lost = await lostDatagrams(this.#a) + await lostDatagrams(this.#b);
    const text = `${missing} bytes are missing, ${former} were, and the hosts have lost ` +
      `${lost - this.#lostDatagrams} datagrams meanwhile`;
    for (const [i, bytes] of missing.entries()) assert(bytes >= (former[i] ?? 0), text);
    if (missing.some((bytes, i) => bytes !== former[i])) {
      // deno-lint-ignore no-console -- a measurement for the log
      console.log(text);
      assert(lost > this.#lostDatagrams, text);
    }
    this.#missing = missing;
    this.#lostDatagrams = lost;
  }

  /** @returns what is missing when nothing is on its way any more */
  async #settled(): Promise<readonly number[]> {
    let last: readonly number[] | undefined;
    const isSettled = async () => {
      const former = last;
      last = await this.#missingNow();
      return former !== undefined && last.every((bytes, i) => bytes === former[i]) ? last : undefined;
    };
    return await waitFor(isSettled, SETTLE_BOUND_MS, {
      everyMs: SETTLE_MS,
      what: "the counters stand still",
    });
  }

  async #missingNow(): Promise<readonly number[]> {
    const mine = await this.#a.peer(this.#b.keys.publicKey);
    const theirs = await this.#b.peer(this.#a.keys.publicKey);
    return [mine.txBytes - theirs.rxBytes, theirs.txBytes - mine.rxBytes];
  }
}

/** What the host has dropped before the device could receive it: at a full socket, or for want of a fragment. */
async function lostDatagrams({ namespace }: WgDevice): Promise<number> {
  const { atPort, fragments } = await hostLosses(namespace, PORT);
  return atPort + fragments;
}

async function floodPing(from: Host, address: string, count: number): Promise<number> {
  return received(await from.namespace.run(["ping", "-q", "-f", "-c", String(count), "-W", "1", address]));
}

async function pingSized(from: Host, address: string, size: number): Promise<number> {
  return received(
    await from.namespace.run(["ping", "-q", "-i", "0.05", "-c", "3", "-W", "1", "-s", String(size), address]),
  );
}

function received({ stdout }: { readonly stdout: string }): number {
  return Number(/(\d+) received/.exec(stdout)?.[1] ?? 0);
}
