/**
 * What Linux makes of the switch's own frames: answers to ARP and ND, ICMP, fragments, announcements. Two namespaces with a
 * TAP each, and the switch between them; no encapsulation, no agent.
 * @module
 */

import assert from "node:assert/strict";
import { SeededRandom } from "../../../lib/base/mod.ts";
import { Libc } from "../../../lib/host/ffi/mod.ts";
import { openReadyTap, type ReadyTap, systemClock } from "../../../lib/host/mod.ts";
import { IpAddress, MacAddress } from "../../../lib/net/mod.ts";
import { FORWARD, Forwarding, FrameSwitch } from "../../../lib/overlay/mod.ts";
import { labTest, NetworkNamespace, PACKET_PLANE, waitFor } from "../../lab/mod.ts";

const MTU_BYTES = 1370;
const NETWORK = 1;
/** A host that nobody answers for but the switch. */
const REMOTE = 11;

function mac(last: number): MacAddress {
  return MacAddress.fromBytes(Uint8Array.of(2, 0, 0, 0, 0, last));
}

function ip(text: string): IpAddress {
  return IpAddress.parse(text) ?? assert.fail(text);
}

/** Ports 1 and 2 with `10.0.0.N` and `fd00::N` in namespaces, and 11 that leads nowhere. */
class SwitchedPair implements AsyncDisposable {
  readonly frames = new FrameSwitch(new SeededRandom(1));
  readonly #stack = new AsyncDisposableStack();
  readonly #libc = Libc.open();
  readonly #taps = new Map<number, ReadyTap>();
  readonly #memory = new Uint8Array(4_000);
  readonly #out = new Forwarding();

  static async create(): Promise<{ pair: SwitchedPair; a: NetworkNamespace; b: NetworkNamespace }> {
    const pair = new SwitchedPair();
    pair.frames.setNetwork({ network: NETWORK, mtuBytes: MTU_BYTES });
    pair.frames.setPort({ port: REMOTE, network: NETWORK, side: "remote", allowsForeign: false });
    const [a, b] = [await pair.#addHost(1), await pair.#addHost(2)];
    for (const port of [1, 2, REMOTE]) pair.bind(port, port);
    const timer = setInterval(() => pair.#carry(), 1);
    pair.#stack.defer(() => clearInterval(timer));
    return { pair, a, b };
  }

  /** Binds the addresses `10.0.0.N` and `fd00::N` with a MAC address to a port. */
  bind(port: number, last: number, macLast = last): void {
    const addresses = [ip(`10.0.0.${last}`), ip(`fd00::${last.toString(16)}`)];
    this.frames.setBinding({ network: NETWORK, port, mac: mac(macLast), addresses });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
    for (const tap of this.#taps.values()) tap.close();
    this.#libc.unload();
  }

  async #addHost(port: number): Promise<NetworkNamespace> {
    const namespace = this.#stack.use(await NetworkNamespace.create(`host${port}`));
    this.#taps.set(
      port,
      openReadyTap({
        name: "eth0",
        // Longer than the network's: what is too long has to be noticed.
        mtuBytes: 1500,
        hasHeader: false,
        mac: mac(port),
        addresses: [{ address: ip(`10.0.0.${port}`), prefixBits: 24 }, {
          address: ip(`fd00::${port}`),
          prefixBits: 64,
        }],
        namespace: namespace.name,
      }),
    );
    this.frames.setPort({ port, network: NETWORK, side: "local", allowsForeign: false });
    return namespace;
  }

  #carry(): void {
    const now = systemClock.now();
    const out = this.#out;
    for (const [port, { fd }] of this.#taps) {
      for (let length = 0; (length = this.#libc.read(fd, this.#memory)) > 0;) {
        this.frames.forward(now, port, this.#memory, 0, length, length - 14, out);
        const frame = this.#memory.slice(0, length);
        if (out.action === FORWARD.ONE) this.#write(out.port, frame);
        for (const to of out.ports.subarray(0, out.count)) this.#write(to, frame);
      }
    }
    this.frames.handleTimeout(now);
    for (let sent = this.frames.pollFrame(); sent !== undefined; sent = this.frames.pollFrame()) {
      this.#write(sent.port, sent.frame.slice());
    }
  }

  #write(port: number, frame: Uint8Array<ArrayBuffer>): void {
    const tap = this.#taps.get(port);
    if (tap !== undefined) assert.equal(this.#libc.write(tap.fd, frame), frame.length);
  }
}

const NEEDS = PACKET_PLANE;

async function neighbour(host: NetworkNamespace, address: string): Promise<unknown> {
  const [entry] = await host.ipJson(`neigh show to ${address}`);
  return entry?.["lladdr"];
}

labTest("Linux takes the switch's answers for ARP and ND, and learns who is meant", NEEDS, async () => {
  const { pair, a } = await SwitchedPair.create();
  await using _pair = pair;
  for (const address of ["10.0.0.2", "fd00::2"]) {
    const ping = () => a.run(["ping", "-c", "1", "-W", "1", address]);
    await waitFor(async () => (await ping()).code === 0, 10_000, { what: `${address} answers` });
  }
  // There is nobody: who it would be is known all the same.
  for (const address of ["10.0.0.11", "fd00::b"]) {
    await a.run(["ping", "-c", "1", "-W", "1", address]);
    assert.equal(await neighbour(a, address), "02:00:00:00:00:0b");
  }
  const drops = pair.frames.portCounts(1)?.drops;
  assert.deepEqual(drops, {}, "nothing that Linux says of its own is refused");
});

labTest("Linux follows the switch's word on the MTU, and joins what it has cut", NEEDS, async () => {
  const { pair, a } = await SwitchedPair.create();
  await using _pair = pair;
  const ping = (address: string, how: string, size: number) =>
    a.run(["ping", "-c", "1", "-W", "1", "-M", how, "-s", `${size}`, address]);
  await waitFor(async () => (await ping("fd00::2", "do", 100)).code === 0, 10_000, { what: "b answers" });
  const told = await ping("10.0.0.2", "do", 1400);
  assert.match(told.stdout, /From 10\.0\.0\.2 .*mtu ?= ?1370/);
  const told6 = await ping("fd00::2", "do", 1400);
  assert.match(told6.stdout, /From fd00::2 .*mtu ?= ?1370/);
  assert.equal((await ping("fd00::2", "do", MTU_BYTES - 48)).code, 0);
  // The switch cuts on the way there and back, behind what the hosts themselves have cut.
  for (const size of [1400, 4000]) assert.equal((await ping("10.0.0.2", "dont", size)).code, 0, `${size}`);
});

labTest(
  "Linux gives up an address that the switch says is another's, and is not let speak for it",
  NEEDS,
  async () => {
    const { pair, a } = await SwitchedPair.create();
    await using _pair = pair;
    await a.ip("address add fd00::2/64 dev eth0");
    const failed = async () =>
      (await a.expectRun(["ip", "-6", "address", "show", "dev", "eth0"])).includes("dadfailed");
    await waitFor(failed, 10_000, { what: "the address is given up" });
    await a.ip("address add 10.0.0.2/32 dev eth0");
    await a.run(["ping", "-c", "1", "-W", "1", "-I", "10.0.0.2", "10.0.0.11"]);
    assert.ok((pair.frames.portCounts(1)?.drops["forged-address"] ?? 0) > 0);
  },
);

labTest(
  "Linux follows an address that is announced behind another MAC address, within a second",
  NEEDS,
  async () => {
    const { pair, a } = await SwitchedPair.create();
    await using _pair = pair;
    const addresses = ["10.0.0.11", "fd00::b"];
    for (const address of addresses) {
      await waitFor(
        async () => {
          await a.run(["ping", "-c", "1", "-W", "1", address]);
          return await neighbour(a, address) === "02:00:00:00:00:0b";
        },
        10_000,
        { what: `${address} is known` },
      );
    }
    pair.frames.removeBinding(NETWORK, mac(11));
    pair.bind(2, 11, 0x2b);
    const movedAt = performance.now();
    for (const address of addresses) {
      const isKnown = async () => await neighbour(a, address) === "02:00:00:00:00:2b";
      await waitFor(isKnown, 5_000, { what: `${address} has moved` });
    }
    assert.ok(performance.now() - movedAt < 1_000, `${performance.now() - movedAt} ms`);
  },
);
