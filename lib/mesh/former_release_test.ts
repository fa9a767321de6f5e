import assert from "node:assert/strict";
import { MemoryStateStore, SeededRandom, VirtualClock } from "../base/mod.ts";
import { encodeMessage, JoinRequestSchema, MeshMessageSchema } from "../proto/mod.ts";
import { NodeIdentity } from "./identity/identity.ts";
import { MeshState } from "./mesh_state.ts";
import { JoinToken } from "./records/join_token.ts";
import { SmallPool } from "./testing/test_network.ts";
import former from "./testing/former_release.json" with { type: "json" };
import { decodeMeshMessage } from "./wire/mod.ts";

/** What a node of the former release has left: a leader, and a member that has labelled itself `role=admin`. */
function resume(name: "lead" | "web") {
  const store = new MemoryStateStore();
  for (const [collection = "", key = "", value = ""] of former[name]) {
    store.put(collection, key, Uint8Array.fromBase64(value));
  }
  const clock = new VirtualClock(former.wall);
  const options = { clock, random: new SeededRandom(1), addressPool: () => new SmallPool(20) };
  return { clock, mesh: MeshState.load(store, options) };
}

Deno.test("a leader of the former release goes on, and takes no member's word for its labels", () => {
  const { mesh } = resume("lead");
  assert.equal(mesh.role, "leader");
  const web = mesh.roster.byName("web")?.record ?? assert.fail();
  assert.deepEqual(web.labels, {});
  assert.deepEqual(web.unconfirmedLabels, { role: "admin", zone: "b" });
  assert.deepEqual(web.addresses.map(String)[0], "10.200.0.2");
  const confirmed = mesh.admission?.amend(web, { labels: { zone: "b" } });
  assert(typeof confirmed === "object");
  assert.equal(confirmed.record.unconfirmedLabels, undefined);
  assert.deepEqual(mesh.leadership.audit?.list({ limit: 9 }).map(({ kind }) => kind), ["relabelled"]);
});

Deno.test("a member of the former release goes on, and hears what a leader says of it now", () => {
  const [lead, web] = [resume("lead").mesh, resume("web").mesh];
  assert.equal(web.role, "member");
  assert.deepEqual(web.record.labels, {});
  const amended = lead.admission?.amend(web.record, { labels: { role: "web" } });
  assert(typeof amended === "object");
  web.replica.merge({ records: [amended.signed], statements: [], entries: [] });
  assert.deepEqual(web.record.labels, { role: "web" });
});

Deno.test("a token of the former release lets in, and labels in a request of the former release are ignored", () => {
  const { mesh } = resume("lead");
  const token = JoinToken.parse(former.token);
  assert(token instanceof JoinToken);
  const { publicKey, signingKey: { verifyingKey } } = NodeIdentity.generate(new SeededRandom(2));
  const value = {
    secret: token.secret.exposeBytes(),
    name: "old",
    publicKey: publicKey.bytes,
    verifyingKey: verifyingKey.bytes,
    labels: { role: "admin" },
  };
  assert(encodeMessage(JoinRequestSchema, value).length > 0);
  const asked = decodeMeshMessage(encodeMessage(MeshMessageSchema, { kind: { case: "joinRequest", value } }));
  assert(asked?.kind === "join-request");
  const enrolled = mesh.admission?.admit({
    ...asked.request,
    tokenId: token.tokenId,
    remotePublicKey: publicKey,
  });
  assert(typeof enrolled === "object", String(enrolled));
  assert.deepEqual(enrolled.record.labels, { zone: "b" }, "the token's own");
  assert.equal(enrolled.record.unconfirmedLabels, undefined);
});
