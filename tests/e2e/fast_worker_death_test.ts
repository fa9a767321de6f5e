import assert from "node:assert/strict";
import {
  Lab,
  labTest,
  type MeshNode,
  PACKET_PLANE,
  pingMany,
  pingOnce,
  poisonPacketThread,
  startMesh,
  untilAllKnowAll,
  waitFor,
} from "../lab/mod.ts";

labTest(
  "weft up: a node whose packet thread dies ends with an error, leaves nothing, and comes back when it is started",
  [...PACKET_PLANE, "ptrace"],
  async () => {
    await using lab = await Lab.create(["A", "B"]);
    const { nodes } = await startMesh(lab, ["A", "B"], { args: ["--dataplane", "fast"] });
    const [a, b] = nodes as [MeshNode, MeshNode];
    await untilAllKnowAll(nodes);
    await pingOnce(a.host, b.address);
    const { namespace } = b.host;
    await using tracer = await poisonPacketThread(namespace, b.weft.process.pid);
    await pingMany(a.host, b.address, 2);
    const { code, stderr } = await b.weft.process.finished;
    assert.equal(code, 1, stderr);
    assert.match(stderr, /^weft: .*weft0/m);
    assert.match(stderr, /^hint: /m);
    assert.doesNotMatch(stderr, /Uncaught|RangeError/);
    assert.equal(await namespace.hasInterface("weft0"), false);
    const routes = await namespace.ipJson<{ dst: string }>("route show table all");
    assert.deepEqual(routes.filter((route) => route.dst.startsWith("10.")), []);
    await tracer.finished;
    assert.deepEqual(await namespace.processes(), []);
    await b.weft.start("up");
    await waitFor(() => pingOnce(b.host, a.address, 1), 10_000, { what: "it is back" });
  },
);
