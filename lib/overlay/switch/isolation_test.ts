import assert from "node:assert/strict";
import fc from "fast-check";
import { MacAddress } from "../../net/mod.ts";
import { arpRequest, frame, ipFrame, mac, type Outcome, packet, SwitchHarness } from "./testing/mod.ts";

const NETWORKS = [1, 2, 3];
/** Ports 10 to 15 belong to network 1, 20 to 25 to 2, 30 to 35 to 3; the last of each side have a bridge behind them. */
const PORTS = NETWORKS.flatMap((network) => [0, 1, 2, 3, 4, 5].map((place) => 10 * network + place));

interface NaivePort {
  readonly port: number;
  readonly network: number;
  readonly isLocal: boolean;
  readonly allowsForeign: boolean;
}

function portOf(port: number): NaivePort {
  const place = port % 10;
  const allowsForeign = place === 2 || place === 5;
  return { port, network: Math.floor(port / 10), isLocal: place < 3, allowsForeign };
}

/** The rules of the switch over plain Maps, without care for storms, loops and groups. */
class NaiveSwitch {
  readonly ports = new Map<number, NaivePort>();
  readonly bound = new Map<string, { readonly port: number; readonly ip: string }>();
  readonly learned = new Map<string, { port: number; seen: number }>();

  /** What a frame with this sender and, for IP and ARP, this source comes to. */
  send(now: number, from: number, what: Sent): Outcome {
    const port = this.ports.get(from);
    if (port === undefined) return "uncounted";
    const { network } = port;
    const key = `${network} ${what.source}`;
    const binding = this.bound.get(key);
    if (binding !== undefined) {
      if (binding.port !== from) return "forged-mac";
    } else {
      if (!port.allowsForeign) return "foreign-mac";
      this.learned.set(key, { port: from, seen: now });
    }
    const owner = what.ip === undefined ? undefined : this.#ownerOf(network, what.ip);
    if (owner !== undefined && owner !== from) return "forged-address";
    if (what.kind === "arp" && port.isLocal) {
      const target = this.#ownerOf(network, what.target);
      if (target !== undefined && target !== from) return "answered";
    }
    const isForAll = what.kind === "arp" || what.destination === undefined;
    if (!isForAll) {
      const to = this.#portOfMac(now, network, what.destination ?? -1);
      if (to !== undefined) {
        const found = this.ports.get(to);
        if (found === undefined || found.network !== network) return "no-port";
        if (to === from) return "same-port";
        return port.isLocal || found.isLocal ? [to] : "split-horizon";
      }
    }
    return [...this.ports.values()]
      .filter((to) => to.network === network && to.port !== from && (port.isLocal || to.isLocal))
      .map((to) => to.port);
  }

  #ownerOf(network: number, ip: string): number | undefined {
    for (const [key, binding] of this.bound) {
      if (key.startsWith(`${network} `) && binding.ip === ip) return binding.port;
    }
    return undefined;
  }

  #portOfMac(now: number, network: number, address: number): number | undefined {
    const key = `${network} ${address}`;
    const binding = this.bound.get(key);
    if (binding !== undefined) return binding.port;
    const learned = this.learned.get(key);
    return learned !== undefined && seconds(now) - seconds(learned.seen) < 300 ? learned.port : undefined;
  }
}

function seconds(now: number): number {
  return Math.floor(now / 1000);
}

interface Sent {
  readonly kind: "frame" | "arp" | "ip4" | "ip6";
  readonly source: number;
  /** Everybody when absent. */
  readonly destination: number | undefined;
  readonly ip: string | undefined;
  readonly target: string;
}

function bytesOf({ kind, source, destination, ip = "", target }: Sent): Uint8Array {
  const to = destination === undefined ? MacAddress.BROADCAST : mac(destination);
  if (kind === "arp") return arpRequest(mac(source), ip, target);
  if (kind === "frame") return frame(mac(source), to);
  return ipFrame(mac(source), to, packet(ip, kind === "ip4" ? "10.0.0.250" : "fd00::fa"));
}

const macs = fc.integer({ min: 1, max: 8 });
const ports = fc.constantFrom(...PORTS);
/** All networks have the same: address N is bound to MAC N. */
const sent: fc.Arbitrary<Sent> = fc.record({
  kind: fc.constantFrom("frame" as const, "arp" as const, "ip4" as const, "ip6" as const),
  source: macs,
  destination: fc.option(macs, { nil: undefined }),
  number: macs,
  target: macs.map((n) => `10.0.0.${n}`),
}).map(({ number, ...rest }) => ({
  ...rest,
  ip: rest.kind === "frame" ? undefined : rest.kind === "ip6" ? `fd00::${number}` : `10.0.0.${number}`,
}));
const step = fc.oneof(
  { weight: 30, arbitrary: fc.record({ do: fc.constant("send" as const), port: ports, sent }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("bind" as const), port: ports, mac: macs }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("unbind" as const), port: ports, mac: macs }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("set-port" as const), port: ports }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("remove-port" as const), port: ports }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.nat(200_000) }) },
);

Deno.test("FrameSwitch decides as plain Maps do, and no frame leaves its network", () => {
  let decisions = 0;
  const seen = new Set<string>();
  fc.assert(
    fc.property(fc.array(step, { minLength: 20, maxLength: 200, size: "max" }), (steps) => {
      const h = new SwitchHarness();
      const naive = new NaiveSwitch();
      for (const network of NETWORKS) h.network(network, { stormLimit: 1e9 });
      const setPort = (port: number) => {
        const { network, isLocal, allowsForeign } = portOf(port);
        h.ports(network, isLocal ? "local" : "remote", [port], allowsForeign);
        naive.ports.set(port, portOf(port));
      };
      for (const port of PORTS) setPort(port);
      for (const next of steps) {
        // No address moves so often that it is damped.
        h.advance(11_000);
        if (next.do === "wait") h.advance(next.ms);
        else if (next.do === "set-port") setPort(next.port);
        else if (next.do === "remove-port") {
          h.frames.removePort(next.port);
          naive.ports.delete(next.port);
          for (const [key, { port }] of naive.learned) if (port === next.port) naive.learned.delete(key);
        } else if (next.do === "send") {
          const expected = naive.send(h.now, next.port, next.sent);
          const outcome = h.send(next.port, bytesOf(next.sent));
          assert.deepEqual(sorted(outcome), sorted(expected));
          seen.add(typeof outcome === "string" ? outcome : outcome.length > 1 ? "flood" : "one");
          decisions++;
          const { network } = portOf(next.port);
          if (typeof outcome !== "string") {
            for (const to of outcome) assert.equal(portOf(to).network, network);
          }
        } else {
          const { network } = portOf(next.port);
          const key = `${network} ${next.mac}`;
          if (next.do === "bind") {
            h.bind(network, next.port, mac(next.mac), `10.0.0.${next.mac}`, `fd00::${next.mac}`);
            naive.bound.set(key, { port: next.port, ip: `10.0.0.${next.mac}` });
            naive.bound.set(`${key} of IPv6`, { port: next.port, ip: `fd00::${next.mac}` });
            naive.learned.delete(key);
          } else {
            h.frames.removeBinding(network, mac(next.mac));
            naive.bound.delete(key);
            naive.bound.delete(`${key} of IPv6`);
          }
        }
        for (const { port, frame } of h.fetch()) {
          // What the switch says itself is about addresses of the port's own network.
          const { network } = portOf(port);
          if (frame[12] === 0x08 && frame[13] === 0x06) {
            const about = `10.0.0.${frame[31]}`;
            assert.ok(
              [...naive.bound].some(([key, { ip }]) => key.startsWith(`${network} `) && ip === about),
            );
          }
        }
      }
    }),
    { numRuns: 200 },
  );
  assert.ok(decisions > 5_000);
  const wanted = [
    "answered",
    "flood",
    "one",
    "forged-mac",
    "foreign-mac",
    "forged-address",
    "same-port",
    "split-horizon",
  ];
  assert.deepEqual(wanted.filter((outcome) => !seen.has(outcome)), []);
});

function sorted(outcome: Outcome): Outcome {
  return typeof outcome === "string" ? outcome : outcome.toSorted((a, b) => a - b);
}
