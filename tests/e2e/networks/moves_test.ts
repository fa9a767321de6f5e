import assert from "node:assert/strict";
import type { NetworkReport, OverlayEndpointReport } from "../../../lib/api/mod.ts";
import {
  CapturedProcess,
  Lab,
  labProgram,
  labTest,
  type MeshNode,
  NetworkNamespace,
  PACKET_PLANE,
  startMesh,
  untilAllKnowAll,
  waitFor,
} from "../../lab/mod.ts";

/** Nothing that is waited for here takes longer, also on a machine that is busy. */
const BOUND_MS = 15_000;
/** How often the endpoint that moves is asked whether it is there. */
const PROBE_MS = 20;
/** Of the machine that moves. */
const MACHINE_MAC = "02:00:00:00:77:77";
/** Where its stream is. */
const PORT = 5201;
/** TCP's back-off is at most as long as the outage before it, so that this is for a move that takes twice `BOUND_MS`. */
const STREAM_BOUND_MS = 2 * BOUND_MS;
/** Each is 20 ms of the stream; what was underway before the move is read within one or two. */
const TICKS_SINCE_MOVE = 50;

labTest(
  "weft endpoint move: an endpoint goes to another host with its addresses, and keeps what its peers know of it",
  [...PACKET_PLANE],
  async (test) => {
    await using lab = await Lab.create(["A", "B", "C"]);
    const { nodes } = await startMesh(lab, ["A", "B", "C"]);
    const [a, b, c] = nodes as [MeshNode, MeshNode, MeshNode];
    await untilAllKnowAll(nodes);
    await post(a, "/networks", { name: "blue", identifier: 1001, cidrs: ["10.0.0.0/24"] });
    for (const node of nodes) await untilNetwork(node, "blue");
    const client = await post<OverlayEndpointReport>(a, "/endpoints", { network: "blue", name: "client" });
    const server = await post<OverlayEndpointReport>(b, "/endpoints", { network: "blue", name: "server" });
    const address = hostOf(server);
    await until("it answers", () => pings(a, address));

    await test.step("pings go on within a second, to the same MAC address", async () => {
      const pinging = a.host.namespace.run([
        "ping",
        "-D",
        "-i",
        String(PROBE_MS / 1000),
        "-w",
        "6",
        "-W",
        "1",
        address,
      ]);
      await b.weft.expectCommand("endpoint", "move", "blue/server", "--to", "c");
      await until("its TAP is on c", () => c.host.namespace.hasInterface("server"));
      await until("its TAP left b", async () => !await b.host.namespace.hasInterface("server"));
      const { stdout } = await pinging;
      const times = [...stdout.matchAll(/^\[([\d.]+)\].*bytes from/gm)].map(([, at]) => 1000 * Number(at));
      const gaps = times.slice(1).map((at, i) => at - (times[i] ?? at));
      const gapMs = Math.max(...gaps);
      report(`the longest gap of the move: ${gapMs.toFixed(0)} ms, ${times.length} answers`);
      assert.ok(gapMs < 1_000, `${gapMs} ms`);
      const [link] = await c.host.namespace.ipJson<{ address: string }>("link show server");
      assert.equal(link?.address, server.macAddress);
      const [neighbour] = await a.host.namespace.ipJson<{ lladdr: string }>(`neigh show to ${address}`);
      assert.equal(neighbour?.lladdr, server.macAddress);
      assert.equal(await pings(c, hostOf(client)), true);
    });

    await test.step("who is no member of a network gets no endpoint in it", async () => {
      await post(a, "/networks", {
        name: "ops",
        identifier: 7,
        cidrs: ["10.9.0.0/24"],
        members: "team=ops",
      });
      await untilNetwork(b, "ops");
      const { code, stderr } = await b.weft.command("endpoint", "add", "ops", "spy");
      assert.equal(code, 1);
      assert.match(stderr, /b|this node/);
      assert.match(stderr, /team=ops/);
      await post(a, "/members/labels", { node: "b", set: { team: "ops" } });
      await until(
        "b's label is known to b",
        async () => (await b.weft.command("endpoint", "add", "ops", "op-1")).code === 0,
      );
      assert.ok(await b.host.namespace.hasInterface("op-1"));
      await post(a, "/members/labels", { node: "b", remove: ["team"] });
      await until("its endpoint is taken back", async () => !await b.host.namespace.hasInterface("op-1"));
    });

    await test.step("a TAP that is deleted comes back, and one whose namespace is deleted says so", async () => {
      await c.host.namespace.ip("link delete server");
      await until("it is there again", () => c.host.namespace.hasInterface("server"));
      await until("it answers", () => pings(a, address));
      {
        await using place = await NetworkNamespace.create("guest");
        await c.weft.expectCommand("endpoint", "add", "blue", "guest", "--netns", place.name);
        assert.ok(await place.hasInterface("guest"));
      }
      const failed = await waitFor(async () => {
        const { endpoints } = (await networks(c)).find(({ name }) => name === "blue") ?? assert.fail();
        const guest = endpoints.find(({ name }) => name === "guest");
        return guest?.state === "failed" && guest.problem?.includes("namespace") ? guest : undefined;
      }, BOUND_MS);
      assert.equal(failed.name, "guest");
    });

    await test.step("members under new keys and at other addresses are followed", async () => {
      await c.weft.expectCommand("rotate-key");
      await until("it answers from under new keys", () => pings(a, address));
      await a.weft.expectCommand("rotate-key");
      await until("a leader under new keys reaches it", () => pings(a, address));
      await post(a, "/members/address", { node: "c", address: "10.200.0.77" });
      await until(
        "it answers from another address of the mesh",
        async () => (await c.weft.status()).node.addresses[0] === "10.200.0.77" && await pings(a, address),
      );
      const [link] = await c.host.namespace.ipJson<{ address: string }>("link show server");
      assert.equal(link?.address, server.macAddress);
      assert.ok(await pings(c, hostOf(client)));
    });

    await test.step("an interface's name that is taken is told, and nothing is left", async () => {
      await c.host.namespace.ip("link add taken type bridge");
      const { code, stderr } = await c.weft.command("endpoint", "add", "blue", "taken");
      assert.equal(code, 1);
      assert.match(stderr, /taken/);
      await until(
        "a knows of no such endpoint",
        async () =>
          (await networks(a)).every(({ endpoints }) => endpoints.every(({ name }) => name !== "taken")),
      );
    });
  },
);

labTest(
  "weft endpoint move: a TCP connection of a machine behind an endpoint goes on when the machine moves",
  [...PACKET_PLANE],
  async () => {
    await using lab = await Lab.create(["A", "B", "C"]);
    const { nodes } = await startMesh(lab, ["A", "B", "C"], { args: ["--dataplane", "fast"] });
    const [a, b, c] = nodes as [MeshNode, MeshNode, MeshNode];
    await untilAllKnowAll(nodes);
    await post(a, "/networks", { name: "blue", identifier: 1001, cidrs: ["10.0.0.0/24"] });
    for (const node of nodes) await untilNetwork(node, "blue");
    const server = await post<OverlayEndpointReport>(a, "/endpoints", { network: "blue", name: "server" });
    // The machine has one way to each host, of which it uses that to the host where it is.
    await using machine = await NetworkNamespace.create("machine");
    for (const [node, way] of [[b, "to-b"], [c, "to-c"]] as const) {
      await machine.ip(
        `link add ${way} address ${MACHINE_MAC} type veth peer name machine netns ${node.host.namespace.name}`,
      );
      await node.host.namespace.ip("link set machine up");
    }
    await machine.ip("link set to-b up mtu 1370", "addr add 10.0.0.77/24 dev to-b");
    const wanted = { network: "blue", name: "vm", attach: "machine" };
    await post(b, "/endpoints", { ...wanted, macAddress: MACHINE_MAC, ipAddresses: ["10.0.0.77"] });
    await until(
      "the machine reaches the server",
      async () => (await machine.run(["ping", "-c", "1", "-W", "1", hostOf(server)])).code === 0,
    );
    const streamEnd = (from: NetworkNamespace, role: "send" | "receive") =>
      new CapturedProcess(from.command(labProgram("steady_stream.ts", [role, "10.0.0.77", `${PORT}`])), {
        label: role,
      });
    // The machine sends, from before its move until the end of the test.
    await using sender = streamEnd(machine, "send");
    await sender.until(({ stdout }) => stdout.includes("ready"), BOUND_MS, "the machine listens");
    // It connects once, so that all that comes is of one connection.
    await using receiver = streamEnd(a.host.namespace, "receive");
    const untilTicks = (count: number, what: string) =>
      receiver.until(({ stdout }) => ticksOf(stdout) >= count, STREAM_BOUND_MS, what);
    await untilTicks(5, "the stream begins");
    const movedAt = performance.now();
    await b.weft.expectCommand("endpoint", "move", "blue/vm", "--to", "c");
    await until(
      "c has it",
      async () =>
        (await networks(c))[0]?.endpoints.some(({ name, isLocal }) => name === "vm" && isLocal) === true,
    );
    await post(c, "/endpoints", wanted);
    await machine.ip(
      "link set to-b down",
      "addr del 10.0.0.77/24 dev to-b",
      "link set to-c up mtu 1370",
      "addr add 10.0.0.77/24 dev to-c",
    );
    report(`moved within ${(performance.now() - movedAt).toFixed(0)} ms`);
    await untilTicks(ticksOf(receiver.stdout) + TICKS_SINCE_MOVE, "the stream goes on");
    const gapsMs = [...receiver.stdout.matchAll(/^gap (\d+)$/gm)].map(([, ms]) => Number(ms));
    report(`the longest gap of the stream: ${Math.max(0, ...gapsMs)} ms`);
  },
);

function hostOf({ ipAddresses: [first = ""] }: OverlayEndpointReport): string {
  return first.split("/")[0] ?? "";
}

function ticksOf(stdout: string): number {
  return stdout.split("tick").length - 1;
}

async function pings(from: MeshNode, address: string): Promise<boolean> {
  return (await from.host.namespace.run(["ping", "-c", "1", "-W", "1", address])).code === 0;
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

async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  await waitFor(condition, BOUND_MS, { what });
}

function report(text: string): void {
  // deno-lint-ignore no-console -- measurements are for whoever reads the run
  console.log(text);
}
