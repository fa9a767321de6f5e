/**
 * Tests of endpoints that are programs' own, on nodes without privileges: all frames go by channels.
 * @module
 */

import assert from "node:assert/strict";
import { DuplicateEndpointError, InvalidEndpointError, Node, UnknownNetworkError } from "../../../mod.ts";
import {
  freePort,
  Lab,
  labTest,
  PACKET_PLANE,
  startMesh,
  startNodeProgram,
  untilPrinted,
  waitFor,
} from "../../lab/mod.ts";
import { RootlessMesh } from "../services/rootless_mesh.ts";

const TEST_TYPE = [0x88, 0xb6];

function frameTo(destination: string, source: string, mark: number): Uint8Array {
  const frame = new Uint8Array(64).fill(mark);
  frame.set(Uint8Array.fromHex(destination.replaceAll(":", "")));
  frame.set(Uint8Array.fromHex(source.replaceAll(":", "")), 6);
  frame.set(TEST_TYPE, 12);
  return frame;
}

/** Frames of the test alone, by their marks. */
class Heard {
  readonly marks: number[] = [];

  readonly take = (frame: Uint8Array): void => {
    if (frame[12] === TEST_TYPE[0] && frame[13] === TEST_TYPE[1]) this.marks.push(frame[63] ?? 0);
  };
}

async function endpointOf(node: Node, network: string, name: string, heard = new Heard()) {
  // The network's definition may be on its way.
  let endpoint: Awaited<ReturnType<Node["createEndpoint"]>> | undefined;
  await waitFor(
    async () => {
      endpoint ??= await node.createEndpoint({ networkId: network, name }, heard.take).catch((error) => {
        if (error instanceof UnknownNetworkError) return undefined;
        throw error;
      });
      return endpoint !== undefined;
    },
    10_000,
    { what: `the endpoint ${network}/${name}` },
  );
  assert.ok(endpoint);
  return endpoint;
}

Deno.test("programs of three nodes without privileges exchange frames in a network, and none with another network", async () => {
  await using mesh = await RootlessMesh.create("frames", "lead");
  const { control } = mesh.overlay;
  for (const name of ["blue", "red"]) control.createNetwork({ name, cidrs: ["10.7.0.0/24"] });
  await using first = await mesh.join("first");
  await using second = await mesh.join("second");
  await using third = await mesh.join("third");
  const heard = { second: new Heard(), third: new Heard(), red: new Heard() };
  const a = await endpointOf(first, "blue", "a");
  const b = await endpointOf(second, "blue", "b", heard.second);
  const c = await endpointOf(third, "blue", "c", heard.third);
  await endpointOf(second, "red", "b", heard.red);
  assert.equal(new Set([a, b, c].flatMap(({ ipAddresses }) => ipAddresses)).size, 3);

  // Each host hears by and by who else is there.
  await waitFor(
    () => {
      a.send(frameTo("ff:ff:ff:ff:ff:ff", a.macAddress, 1));
      return heard.second.marks.includes(1) && heard.third.marks.includes(1);
    },
    10_000,
    { what: "everybody hears what is for everybody" },
  );
  for (const mark of [2, 3]) a.send(frameTo(b.macAddress, a.macAddress, mark));
  await waitFor(() => heard.second.marks.includes(3), 5_000, { what: "the frames" });
  assert.deepEqual(heard.second.marks.filter((mark) => mark > 1), [2, 3]);
  assert.ok(!heard.third.marks.some((mark) => mark > 1));
  assert.deepEqual(heard.red.marks, []);

  // Nobody is believed another one's address.
  a.send(frameTo(b.macAddress, c.macAddress, 9));
  a.send(frameTo(b.macAddress, a.macAddress, 4));
  await waitFor(() => heard.second.marks.includes(4), 5_000, { what: "the frame" });
  assert.ok(!heard.second.marks.includes(9));

  const wrong = { networkId: "blue", name: "a" };
  await assert.rejects(second.createEndpoint(wrong, () => {}), DuplicateEndpointError);
  await assert.rejects(first.createEndpoint(wrong, () => {}), InvalidEndpointError);
  await assert.rejects(
    second.createEndpoint({ networkId: "green", name: "a" }, () => {}),
    UnknownNetworkError,
  );
  const withDevice = { networkId: "blue", name: "d", options: { device: "tap9" } };
  await assert.rejects(second.createEndpoint(withDevice, () => {}), InvalidEndpointError);

  await b.close();
  assert.equal(b.send(frameTo(a.macAddress, b.macAddress, 5)), false);
  await waitFor(
    () =>
      control.listNetworks().every(({ endpoints = [] }) =>
        !endpoints.some(({ network, name }) => network === "blue" && name === "b")
      ),
    5_000,
    { what: "the endpoint is gone everywhere" },
  );
});

Deno.test("an endpoint whose program ended without a word is the same one when the program asks again", async () => {
  await using mesh = await RootlessMesh.create("frames-again", "lead");
  mesh.overlay.control.createNetwork({ name: "blue", cidrs: ["10.7.0.0/24"] });
  const stateOf = (name: string) =>
    mesh.overlay.control.listNetworks()[0]?.endpoints
      .find((endpoint) => endpoint.name === name)?.node;
  await using peer = await mesh.join("peer");
  const heard = new Heard();
  const b = await endpointOf(peer, "blue", "b", heard);
  const program = await mesh.join("program");
  const before = await endpointOf(program, "blue", "a");
  await program.stop();
  assert.equal(before.send(frameTo(b.macAddress, before.macAddress, 1)), false);
  assert.equal(stateOf("a"), "program");
  await using again = await Node.resume({ stateDir: mesh.stateDir("program") });
  const after = await endpointOf(again, "blue", "a");
  assert.deepEqual([after.macAddress, after.ipAddresses], [before.macAddress, before.ipAddresses]);
  await waitFor(
    () => {
      after.send(frameTo(b.macAddress, after.macAddress, 2));
      return heard.marks.includes(2);
    },
    10_000,
    { what: "its frames arrive" },
  );
  await after.close();
  await waitFor(() => stateOf("a") === undefined, 5_000, { what: "the endpoint is gone" });
});

for (const plane of ["fast", "portable"]) {
  labTest(
    `weft network, ${plane}: a host's TAP reaches the endpoint of a program without privileges, by its channel`,
    [...PACKET_PLANE],
    async () => {
      await using lab = await Lab.create(["A", "B"]);
      const { nodes: [a], token } = await startMesh(lab, ["A"], { args: ["--dataplane", plane] });
      assert.ok(a);
      await a.weft.post("/networks", { name: "blue", cidrs: ["10.0.0.0/24"] });
      await a.weft.post("/endpoints", { network: "blue", name: "web" });
      const { namespace, folder, address4 } = lab.host("B");
      const stateDir = `${folder}/program`;
      const program = lab.use(startNodeProgram({
        module: "tests/e2e/networks/echo_endpoint_program.ts",
        place: namespace,
        stateDir,
        args: [token, "probe", stateDir, String(freePort()), address4, "blue"],
        label: "probe",
      }));
      const [address = ""] = (await untilPrinted(program, "ready")).split("/");
      const ping = (...options: string[]) => a.host.namespace.run(["ping", "-W", "2", ...options, address]);
      await waitFor(async () => (await ping("-c", "1")).code === 0, 15_000, { what: "the program answers" });
      const { stdout } = await ping("-c", "20", "-i", "0.05", "-s", "1300");
      assert.match(stdout, / 0% packet loss/);
    },
  );
}
