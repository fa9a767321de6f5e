/**
 * The queues of a TUN device against a real kernel: this file runs itself once more inside a network namespace.
 * @module
 */

import assert from "node:assert/strict";
import { labTest, NetworkNamespace, PACKET_PLANE } from "../../tests/lab/mod.ts";
import { IpAddress } from "../net/mod.ts";
import { Libc } from "./ffi/mod.ts";
import { Netlink } from "./netlink/mod.ts";
import { type OffloadTun, openOffloadTun } from "./tun/mod.ts";

const INSIDE = "WEFT_TEST_INSIDE_NAMESPACE";
const VIRTIO_HEADER_BYTES = 10;
const NAME = "weft9";
const FLOWS = 48;

if (Deno.env.get(INSIDE) === undefined) {
  labTest(
    "openOffloadTun() gives queues that a flow keeps to",
    [...PACKET_PLANE, "unshare", "setpriv"],
    async () => {
      await using namespace = await NetworkNamespace.create("host");
      const file = new URL(import.meta.url).pathname;
      const config = new URL("../../deno.json", import.meta.url).pathname;
      await namespace.expectRun(
        [Deno.execPath(), "test", "-A", "--quiet", "--no-check", "--config", config, file],
        { env: { [INSIDE]: "1", NO_COLOR: "1" } },
      );
    },
  );
} else {
  Deno.test("openOffloadTun() gives queues that a flow keeps to", testQueues);
}

async function testQueues(): Promise<void> {
  using network = Netlink.open();
  const libc = Libc.open();
  const tun = openOffloadTun({ name: NAME, mtuBytes: 65_535 }, 3);
  assert.equal(tun.queueProblem, undefined);
  const { queues } = tun;
  assert.ok(queues !== undefined && queues.fds.length === 2);
  network.setLinkUp(NAME, 1420);
  for (const [address, bits] of [["10.77.0.1", 24], ["fd77::1", 64]] as const) {
    network.addAddress(NAME, IpAddress.parse(address) ?? assert.fail(), bits);
  }
  const { read } = queueReader(libc, tun);

  /** Sends some of each flow. @returns the queues by the names of flows */
  const queuesOf = async (lengthBytes: number): Promise<Map<string, Set<number>>> => {
    for (const [hostname, there] of [["0.0.0.0", "10.77.0.2"], ["::", "fd77::2"]] as const) {
      const socket = Deno.listenDatagram({ transport: "udp", hostname, port: 4000 });
      for (let round = 0; round < 3; round++) {
        for (let port = 5000; port < 5000 + FLOWS; port++) {
          await socket.send(new Uint8Array(lengthBytes), { transport: "udp", hostname: there, port });
        }
      }
      socket.close();
    }
    return read();
  };

  const only = (flows: Map<string, Set<number>>): number[] => {
    for (const [flow, where] of flows) assert.equal(where.size, 1, `${flow} came out of ${[...where]}`);
    return [...new Set([...flows.values()].flatMap((where) => [...where]))].toSorted();
  };
  await queuesOf(10);
  assert.deepEqual(only(await queuesOf(10)), [0], "not before it is told to");
  assert.ok(queues.spread(true));
  const spread = await queuesOf(10);
  assert.equal(spread.size, 2 * FLOWS);
  assert.deepEqual(only(spread), [0, 1, 2]);
  // Fragments have no ports but the first: all of an address go one way.
  const fragments = await queuesOf(3000);
  assert.deepEqual([...fragments.keys()].toSorted(), ["4", "6"]);
  only(fragments);
  queues.close(queues.fds[1] ?? -1);
  assert.deepEqual(only(await queuesOf(10)), [0, 1], "its flows go to the others");
  queues.close(queues.fds[1] ?? -1);
  assert.ok(queues.spread(false));
  assert.deepEqual(only(await queuesOf(10)), [0]);
  tun.close();
  tun.close();
  // The kernel takes no programs of whoever may only administer networks.
  const module = new URL("./tun/mod.ts", import.meta.url).href;
  const code = `import { openOffloadTun } from "${module}";
    const tun = openOffloadTun({ name: "${NAME}", mtuBytes: 1420 }, 3);
    console.log(tun.queues === undefined, tun.queueProblem);
    tun.close();`;
  const { stdout, stderr } = await new Deno.Command("setpriv", {
    args: ["--bounding-set=-all,+net_admin", "--inh-caps=-all", Deno.execPath(), "eval", "--no-config", code],
    env: { NO_COLOR: "1" },
  }).output();
  const said = new TextDecoder().decode(stdout);
  assert.match(said, /^true Cannot steer packets/, new TextDecoder().decode(stderr));
  assert.equal(libc.interfaceIndex(NAME), 0);
  assert.equal(queues.spread(true), false);
  libc.unload();
}

function queueReader(libc: Libc, { fd, queues }: OffloadTun) {
  const memory = new Uint8Array(70_000);
  const packets = function* (queue: number): Generator<Uint8Array> {
    for (let length = libc.read(queue, memory); length > 0; length = libc.read(queue, memory)) {
      yield memory.subarray(VIRTIO_HEADER_BYTES, length);
    }
  };
  const fds = [fd, ...queues?.fds ?? []];
  const read = (): Map<string, Set<number>> => {
    const flows = new Map<string, Set<number>>();
    for (const [i, queue] of fds.entries()) {
      for (const packet of packets(queue)) {
        const name = flowOf(packet);
        if (name !== undefined) flows.set(name, (flows.get(name) ?? new Set()).add(i));
      }
    }
    return flows;
  };
  return { read };
}

/** @returns the port and family of the test's own packets; of fragments the family alone */
function flowOf(packet: Uint8Array): string | undefined {
  const view = new DataView(packet.buffer, packet.byteOffset, packet.length);
  if ((packet[0] ?? 0) >> 4 === 4) {
    if (packet[9] !== 17) return undefined;
    return (view.getUint16(6) & 0x3fff) !== 0 ? "4" : `4 ${view.getUint16(22)}`;
  }
  if (packet[6] === 44) return "6";
  return packet[6] === 17 ? `6 ${view.getUint16(42)}` : undefined;
}
