/**
 * wireguard-go as a peer of a weft node: one file of tests for each family inside, which run side by side.
 * @module
 */

import assert from "node:assert/strict";
import {
  generatePresharedKey,
  type Host,
  Lab,
  labTest,
  nodeOn,
  PACKET_PLANE,
  pingMany,
  pingOnce,
  waitFor,
  type WeftNode,
  WireGuardGo,
} from "../lab/mod.ts";

/** Our side rekeys early, so that the test need not wait for the two minutes of WireGuard paper §6.1. */
const SHORT_TIMERS = { WEFT_TEST_TIMERS: "rekeyAfterTimeMs=2500,rejectAfterTimeMs=8000" };

/** A wireguard-go that lost its session by our restart begins anew after 10 s + 5 s (WireGuard paper §6.5). */
const RECOVERY_BOUND_MS = 25_000;

interface Case {
  readonly outside: 4 | 6;
  readonly initiator: "weft" | "wireguard-go";
  readonly hasPresharedKey: boolean;
}

/** One wireguard-go on a host of its own, and what weft calls it. */
interface Device extends Case {
  readonly label: string;
  readonly host: Host;
  readonly wireguard: WireGuardGo;
  readonly address: string;
}

const cases: readonly Case[] = ([4, 6] as const).flatMap((outside) =>
  (["weft", "wireguard-go"] as const).flatMap((initiator) =>
    [true, false].map((hasPresharedKey) => ({ outside, initiator, hasPresharedKey }))
  )
);

/** Registers the tests of an overlay `cidr`, which is of family `inside`. */
export function testWireGuardGo(inside: 4 | 6, cidr: string): void {
  labTest(
    `wireguard-go is a peer: IPv${inside} inside, every way outside`,
    [...PACKET_PLANE, "wg", "wireguard-go"],
    async (test) => {
      await using lab = await Lab.create(["W", ...cases.map((_, i) => `D${i}`)]);
      const leader = nodeOn(lab, "W", { env: SHORT_TIMERS });
      await leader.startLeader("--cidr", cidr);
      const { node } = await leader.status();
      const [leaderAddress = ""] = node.addresses;
      const devices: Device[] = [];
      for (const [i, each] of cases.entries()) {
        const host = lab.host(`D${i}`);
        devices.push(await addDevice({ lab, leader, leaderAddress, publicKey: node.publicKey, host, each }));
      }

      for (const device of devices) {
        await test.step(device.label, async () => {
          const [from, to] = device.initiator === "weft"
            ? [lab.host("W"), device.address]
            : [device.host, leaderAddress];
          await pingOnce(from, to);
          assert.equal(await pingMany(device.host, leaderAddress, 10), 10);
          assert.equal(await pingMany(lab.host("W"), device.address, 10), 10);
          const seen = await device.wireguard.peer(node.publicKey);
          assert(seen.latestHandshake > 0 && seen.rxBytes > 0);
        });
      }

      await test.step("traffic flows without a gap through two rekeys of every session", async () => {
        const flows = devices.map((device) => steadyPings(lab.host("W"), device.address));
        await Promise.all(devices.map((device) => untilHandshakes(device.wireguard, node.publicKey, 3)));
        for (const [i, flow] of flows.entries()) {
          const { sent, unanswered } = await flow.stop();
          // A session that wireguard-go began is renewed by us only when our shortened life of it is over; that falls
          // due between a request and its answer once in a while, which the true 180 s never do (paper §6.1).
          const mayLose = devices[i]?.initiator === "wireguard-go" ? 2 : 0;
          const what = `${devices[i]?.label}: of ${sent} these were not answered: ${unanswered}`;
          assert(unanswered.length <= mayLose, what);
        }
      });

      await test.step("after our restart every session comes back", async () => {
        await leader.kill();
        await leader.start("up");
        await Promise.all(
          devices.map((device) =>
            waitFor(() => pingOnce(device.host, leaderAddress, 1), RECOVERY_BOUND_MS, { what: device.label })
          ),
        );
        for (const device of devices) {
          const allAnswered = async () => await pingMany(lab.host("W"), device.address, 5) === 5;
          await waitFor(allAnswered, 10_000, { what: device.label });
        }
      });
    },
  );
}

async function addDevice({ lab, leader, leaderAddress, publicKey, host, each }: {
  readonly lab: Lab;
  readonly leader: WeftNode;
  readonly leaderAddress: string;
  readonly publicKey: string;
  readonly host: Host;
  readonly each: Case;
}): Promise<Device> {
  const presharedKey = each.hasPresharedKey ? await generatePresharedKey() : undefined;
  const [here, there] = each.outside === 4
    ? [host.address4, lab.host("W").address4]
    : [`[${host.address6}]`, `[${lab.host("W").address6}]`];
  const wireguard = lab.use(await WireGuardGo.start(host.namespace, { folder: host.folder, addresses: [] }));
  const name = host.namespace.label.toLowerCase();
  const args = ["peer", "add", name, "--public-key", wireguard.keys.publicKey, "--json"];
  if (each.initiator === "weft") args.push("--endpoint", `${here}:51820`);
  if (presharedKey !== undefined) {
    const path = `${host.folder}/psk`;
    await Deno.writeTextFile(path, `${presharedKey}\n`, { mode: 0o600 });
    args.push("--preshared-key-file", path);
  }
  const { addresses: [address] } = JSON.parse(await leader.expectCommand(...args));
  const bits = leaderAddress.includes(":") ? 64 : 24;
  await wireguard.addAddress(`${address}/${bits}`);
  await wireguard.setPeer({
    publicKey,
    allowedIps: [`${leaderAddress}/${bits === 64 ? 128 : 32}`],
    ...(presharedKey === undefined ? {} : { presharedKey }),
    // Whoever does not know where the other is cannot begin.
    ...(each.initiator === "wireguard-go" ? { endpoint: `${there}:51820` } : {}),
  });
  const label = `IPv${each.outside} outside, ${each.initiator} begins, ${
    presharedKey ? "a" : "no"
  } preshared key`;
  return { ...each, label, host, wireguard, address };
}

/** Sends an echo request every 50 ms until it is stopped. */
function steadyPings(from: Host, address: string) {
  const ping = from.namespace.spawn(["ping", "-i", "0.05", "-W", "2", address]);
  return {
    /** @returns the numbers of the requests without an answer; the last may still have been on its way */
    stop: async (): Promise<{ sent: number; unanswered: number[] }> => {
      const { stdout } = await ping.stop("SIGINT");
      const sent = Number(/(\d+) packets transmitted/.exec(stdout)?.[1]);
      const answered = new Set(
        [...stdout.matchAll(/icmp_seq=(\d+) ttl/g)].map(([, number]) => Number(number)),
      );
      const numbers = Array.from({ length: sent - 1 }, (_, i) => i + 1);
      return { sent, unanswered: numbers.filter((number) => !answered.has(number)) };
    },
  };
}

/** Waits until wireguard-go has seen `count` handshakes more than now. */
async function untilHandshakes(device: WireGuardGo, publicKey: string, count: number): Promise<void> {
  const seen = new Set<number>();
  const enough = async () => {
    seen.add((await device.peer(publicKey)).latestHandshake);
    return seen.size > count;
  };
  await waitFor(enough, 30_000, { what: `${count} further handshakes`, everyMs: 250 });
}
