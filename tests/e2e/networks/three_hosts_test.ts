import assert from "node:assert/strict";
import type { NetworkReport, OverlayEndpointReport } from "../../../lib/api/mod.ts";
import {
  Lab,
  labTest,
  type MeshNode,
  NetworkNamespace,
  PACKET_PLANE,
  startMesh,
  thoroughIf,
  untilAllKnowAll,
  waitFor,
} from "../../lab/mod.ts";

/** Nothing that is waited for here takes longer, also on a machine that is busy. */
const BOUND_MS = 15_000;

for (const plane of ["fast", "portable"] as const) {
  labTest(
    `weft network, ${plane}: three hosts share an Ethernet that comes back after kill -9, and another is another world`,
    [...PACKET_PLANE, ...thoroughIf(plane === "portable")],
    async (test) => {
      await using lab = await Lab.create(["A", "B", "C"]);
      const { nodes } = await startMesh(lab, ["A", "B", "C"], { args: ["--dataplane", plane] });
      const [a, b, c] = nodes as [MeshNode, MeshNode, MeshNode];
      await untilAllKnowAll(nodes);
      const endpoints = new Map<MeshNode, OverlayEndpointReport>();

      await test.step("a leader makes a network, and each host an endpoint of it", async () => {
        await post<NetworkReport>(a, "/networks", {
          name: "blue",
          identifier: 1001,
          cidrs: ["10.0.0.0/24", "fd77::/64"],
        });
        for (const [i, node] of nodes.entries()) {
          await untilNetwork(node, "blue");
          endpoints.set(node, await post(node, "/endpoints", { network: "blue", name: `web-${i + 1}` }));
        }
        const [first] = await networks(c);
        assert.equal(first?.mtuBytes, 1370);
        assert.equal(first?.endpointCount, 3);
        for (const [node, { ipAddresses, macAddress, device = "" }] of endpoints) {
          const [link] = await node.host.namespace.ipJson<{ address: string; mtu: number }>(
            `link show ${device}`,
          );
          assert.equal(link?.address, macAddress);
          assert.equal(link?.mtu, 1370);
          assert.equal(ipAddresses.length, 2);
        }
      });

      await test.step("everybody reaches everybody by ARP and ND, and by broadcast", async () => {
        for (const from of nodes) {
          for (const [to, { ipAddresses }] of endpoints) {
            if (to === from) continue;
            for (const address of ipAddresses) await untilPinged(from, hostOf(address));
          }
        }
        for (const { host } of [b, c]) {
          await host.namespace.expectRun(["sysctl", "-qw", "net.ipv4.icmp_echo_ignore_broadcasts=0"]);
        }
        const { stdout } = await a.host.namespace.run(["ping", "-b", "-c", "2", "-W", "1", "10.0.0.255"]);
        for (const to of [b, c]) {
          const address = hostOf(endpoints.get(to)?.ipAddresses[0]);
          assert.ok(stdout.includes(`bytes from ${address}:`), stdout);
        }
      });

      await test.step("a network with the same block and the same MACs is another world", async () => {
        await post(a, "/networks", { name: "red", identifier: 1002, cidrs: ["10.0.0.0/24"] });
        for (const node of [a, b]) await untilNetwork(node, "red");
        const places = [
          lab.use(await NetworkNamespace.create("red-a")),
          lab.use(await NetworkNamespace.create("red-b")),
        ];
        for (const [i, node] of [a, b].entries()) {
          const ofBlue = endpoints.get(node) ?? assert.fail();
          await post(node, "/endpoints", {
            network: "red",
            name: `red-${i + 1}`,
            macAddress: ofBlue.macAddress,
            ipAddresses: [hostOf(ofBlue.ipAddresses[0])],
            netns: places[i]?.name,
          });
        }
        const inRed = async (command: string) => await places[0]?.run(command.split(" ")) ?? assert.fail();
        const ofB = hostOf(endpoints.get(b)?.ipAddresses[0]);
        const ofC = hostOf(endpoints.get(c)?.ipAddresses[0]);
        await until("red reaches red", async () => (await inRed(`ping -c 1 -W 1 ${ofB}`)).code === 0);
        assert.notEqual((await inRed(`ping -c 2 -W 1 ${ofC}`)).code, 0, "c is in blue alone");
      });

      await test.step("after kill -9 nothing is left, and everything comes back", async () => {
        const device = endpoints.get(b)?.device ?? "";
        await b.weft.kill();
        await until(
          "the TAP went with the process",
          async () => !await b.host.namespace.hasInterface(device),
        );
        await b.weft.start("up");
        await until("the TAP is there again", () => b.host.namespace.hasInterface(device));
        await untilPinged(a, hostOf(endpoints.get(b)?.ipAddresses[0]));
        const [blue] = await networks(b);
        assert.equal(
          blue?.endpoints.find(({ name }) => name === "web-2")?.macAddress,
          endpoints.get(b)?.macAddress,
        );
      });

      await test.step("an endpoint that was taken back is gone everywhere, and a stop leaves nothing", async () => {
        await b.weft.expectCommand("endpoint", "remove", "blue", "web-2");
        await until("a knows", async () => (await networks(a))[0]?.endpointCount === 2);
        assert.equal(await b.host.namespace.hasInterface("web-2"), false);
        await c.weft.stop();
        assert.equal(await c.host.namespace.hasInterface("web-3"), false);
      });
    },
  );
}

function hostOf(address = ""): string {
  return address.split("/")[0] ?? "";
}

async function post<T = unknown>(node: MeshNode, path: string, request: unknown): Promise<T> {
  return JSON.parse(await node.weft.post(path, request));
}

async function networks(node: MeshNode): Promise<readonly NetworkReport[]> {
  return JSON.parse(await node.weft.get("/networks"));
}

async function untilNetwork(node: MeshNode, name: string): Promise<void> {
  await until(
    `${node.weft.name} knows ${name}`,
    async () => (await networks(node)).some((network) => network.name === name),
  );
}

async function untilPinged(from: MeshNode, address: string): Promise<void> {
  await until(
    `${from.weft.name} reaches ${address}`,
    async () => (await from.host.namespace.run(["ping", "-c", "1", "-W", "1", address])).code === 0,
  );
}

async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  await waitFor(condition, BOUND_MS, { what });
}
