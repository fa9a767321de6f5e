import assert from "node:assert/strict";
import { silentLogger } from "../../base/mod.ts";
import { ServiceNotGrantedError } from "../mod.ts";
import type { ClaimOutcome, PeerId } from "../ports.ts";
import { attached, MemoryMesh, settle } from "../testing/memory_mesh.ts";
import { ALL_RIGHTS, allBut, rightsOf } from "../testing/memory_rights.ts";
import type { TopicPath } from "../topics/mod.ts";
import { CLAIM_TIMEOUT_MS, ServiceClaims } from "./service_claims.ts";

/** Whoever asks first has a path; `answer` in place of that when it is set. */
function firstComes(mesh: MemoryMesh) {
  const owners = new Map<string, PeerId>();
  const asked: string[] = [];
  const leader: { answer: Promise<ClaimOutcome> | undefined } = { answer: undefined };
  const mayOffer = (peer: PeerId, path: TopicPath) => owners.get(path.toString()) === peer;
  mesh.rights = {
    ...ALL_RIGHTS,
    mayOffer,
    ownersOf: (path) => [owners.get(path.toString()) ?? []].flat(),
    claim: async (peer, path) => {
      asked.push(`${peer} ${path}`);
      const answer = await leader.answer;
      if (answer !== undefined && answer !== "granted") return answer;
      if (!owners.has(path.toString())) owners.set(path.toString(), peer);
      if (!mayOffer(peer, path)) return "refused";
      mesh.nodes.get(peer)?.runtime.handleRightsChange();
      return "granted";
    },
  };
  return { owners, asked, leader };
}

const math = (name: string) => ({ path: "math", actions: { who: () => name } });

Deno.test("ServiceRuntime.addService() has a path granted, and refuses who comes second with who has it and what helps", async () => {
  const mesh = new MemoryMesh();
  await using _ = mesh;
  const { asked } = firstComes(mesh);
  const [a, b] = [mesh.add("a"), mesh.add("b")];
  await a.runtime.addService(math("a"));
  let isStarted = false;
  const second = b.runtime.addService({ ...math("b"), start: () => void (isStarted = true) });
  await assert.rejects(second, (error) => {
    assert.ok(error instanceof ServiceNotGrantedError);
    const grants =
      "`weft grant add b --offer math` gives it to this node, and `weft grant add a --offer math`";
    assert.equal(error.hint, `On a leader, ${grants} as well lets both have it.`);
    const message = `Cannot offer math: a has it. ${error.hint}`;
    assert.deepEqual([error.code, error.message], ["ServiceNotGranted", message]);
    return true;
  });
  assert.equal(isStarted, false);
  assert.deepEqual(b.runtime.report().map(({ providers }) => providers.length), [1], "it is taken back");
  await settle();
  assert.equal(await b.runtime.request("math/who"), "a");
  assert.deepEqual(asked, ["a mesh:math", "b mesh:math"]);
});

Deno.test("ServiceRuntime.addService() runs a service on its node alone while no leader answers, and asks until one does", async () => {
  const mesh = new MemoryMesh();
  await using _ = mesh;
  const { asked, leader } = firstComes(mesh);
  const [a, b] = [mesh.add("a"), mesh.add("b")];
  leader.answer = Promise.resolve("unanswered");
  await a.runtime.addService(math("a"));
  assert.equal(await a.runtime.request("math/who"), "a");
  await mesh.run(120_000, 500);
  assert.ok(asked.length >= 6 && asked.length <= 9, `${asked.length} times in two minutes`);
  assert.deepEqual(b.runtime.report(), [], "others do not know it");
  const isAlone = () => a.runtime.report("math")[0]?.providers[0]?.isAlone;
  assert.equal(isAlone(), true);
  leader.answer = undefined;
  a.runtime.handleLink(b.id);
  await mesh.run(1_100, 100);
  assert.equal(await mesh.until(b.runtime.request("math/who")), "a");
  assert.equal(isAlone(), undefined);
  const before = asked.length;
  await mesh.run(300_000, 1_000);
  assert.equal(asked.length, before);
});

Deno.test("ServiceRuntime.addService() waits five seconds at most, and takes an answer that comes later", async () => {
  const mesh = new MemoryMesh();
  await using _ = mesh;
  const { leader, asked } = firstComes(mesh);
  const [a, b] = [mesh.add("a"), mesh.add("b")];
  const late = Promise.withResolvers<ClaimOutcome>();
  leader.answer = late.promise;
  const startedAt = mesh.clock.now();
  await mesh.until(a.runtime.addService(math("a")));
  assert.equal(mesh.clock.now() - startedAt, CLAIM_TIMEOUT_MS);
  late.resolve("granted");
  await mesh.run(100);
  assert.equal(await mesh.until(b.runtime.request("math/who")), "a");
  assert.deepEqual(asked, ["a mesh:math"], "it is not asked twice at a time");
});

Deno.test("ServiceClaims ends with its node, and leaves no timer", async () => {
  const mesh = new MemoryMesh();
  const { leader, asked } = firstComes(mesh);
  leader.answer = Promise.resolve("unanswered");
  const a = mesh.add("a");
  await a.runtime.addService(math("a"));
  await mesh.close();
  const before = asked.length;
  await mesh.run(60_000, 1_000);
  assert.deepEqual([asked.length, mesh.timers.size], [before, 0]);
});

Deno.test("ServiceClaims bounds what waits for a leader, whatever programs offer", async () => {
  const mesh = new MemoryMesh();
  await using _ = mesh;
  const asked = new Set<string>();
  const peers = {
    ...rightsOf("a" as PeerId, () =>
      allBut({ a: { offer: [">"] } }, {
        claim: (_, path) => {
          asked.add(path.toString());
          return Promise.resolve("refused");
        },
      })),
    self: "a" as PeerId,
    nameOf: (peer: PeerId) => peer,
  };
  const claims = new ServiceClaims(peers, { timers: mesh.timers, log: silentLogger }, () => true);
  claims.follow(Array.from({ length: 10_000 }, (_, i) => `mesh:service-${i}`));
  await mesh.run(5_000, 100);
  assert.equal(asked.size, 256);
  claims.close();
  assert.equal(mesh.timers.size, 0);
});

Deno.test("ServiceClaims asks no more for a service that was taken back before a leader answered", async () => {
  const mesh = new MemoryMesh();
  await using _ = mesh;
  const { owners, leader } = firstComes(mesh);
  const a = mesh.add("a");
  leader.answer = Promise.resolve("unanswered");
  await a.runtime.addService(math("a"));
  await a.runtime.removeService("math");
  leader.answer = undefined;
  await mesh.run(120_000, 500);
  assert.deepEqual([...owners], []);
});

Deno.test("ProgramRuntime.addService() has its agent ask, and fails as a node does", async () => {
  const { mesh, agent, other, program } = await attached();
  await using _ = mesh;
  const { owners } = firstComes(mesh);
  await mesh.until(program.runtime.addService(math("program")));
  await settle();
  assert.equal(owners.get("mesh:math"), agent.id);
  const providers = agent.runtime.report("math")[0]?.providers.map(({ name, isLocal }) => ({
    name,
    isLocal,
  }));
  assert.deepEqual(providers, [{ name: agent.id, isLocal: true }], "who asks knows nodes, not programs");
  assert.equal(await mesh.until(other.runtime.request("math/who")), "program");
  owners.set("mesh:taken", other.id);
  const refused = mesh.until(program.runtime.addService({ path: "taken" }));
  await assert.rejects(refused, (error) => {
    assert.ok(error instanceof ServiceNotGrantedError);
    assert.match(
      error.message,
      /^Cannot offer taken: b has it\. .*weft grant add a --offer/,
    );
    return true;
  });
  const foreign = other.runtime.request("$registry/claim", { path: "more" }, { node: "a" });
  await assert.rejects(mesh.until(foreign), /Only programs of this machine/);
});

Deno.test("NodeRuntime has the paths of a program granted that was attached while nobody answered", async () => {
  const { mesh, agent, other, program } = await attached();
  await using _ = mesh;
  const { leader, owners } = firstComes(mesh);
  leader.answer = Promise.resolve("unanswered");
  await mesh.until(program.runtime.addService(math("program")));
  assert.equal(await mesh.until(agent.runtime.request("math/who")), "program");
  leader.answer = undefined;
  await mesh.run(3_000, 100);
  assert.equal(owners.get("mesh:math"), agent.id);
  assert.equal(await mesh.until(other.runtime.request("math/who")), "program");
});

Deno.test("NodeRuntime asks again for a path that was signed over, and not for one that is somebody else's", async () => {
  const mesh = new MemoryMesh();
  await using _ = mesh;
  const { owners, asked } = firstComes(mesh);
  const [a, b] = [mesh.add("a"), mesh.add("b")];
  await a.runtime.addService(math("a"));
  owners.delete("mesh:math");
  a.runtime.handleRightsChange();
  await mesh.run(2_000, 100);
  assert.equal(owners.get("mesh:math"), a.id);
  owners.set("mesh:math", b.id);
  a.runtime.handleRightsChange();
  await mesh.run(120_000, 1_000);
  assert.equal(owners.get("mesh:math"), b.id);
  assert.equal(asked.length, 3, "once when it was added, and once for each change");
  assert.deepEqual(a.runtime.advert().services, []);
});
