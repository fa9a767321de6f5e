import assert from "node:assert/strict";
import { programSocketPath } from "../../lib/agent/mod.ts";
import { type AgentControl, Node, OverlayBootstrap } from "../../mod.ts";
import { SqliteStateStore } from "../../lib/host/mod.ts";
import { freePort, waitFor } from "../lab/mod.ts";
import { Members, tokenOf } from "./member_nodes.ts";

const BOUND_MS = 20_000;
/** The agent looks every ten seconds. */
const UPKEEP_BOUND_MS = 45_000;

const seen = (control: AgentControl, name: string) => control.members().find((each) => each.name === name);

Deno.test("members are labelled, renamed, given addresses and rights, and everybody knows", async () => {
  await using mesh = await Members.create();
  const lead = await mesh.lead("lead");
  const token = tokenOf(lead.control, {
    labels: { role: "web" },
    grants: { offer: ["orders"], publish: ["orders/>"] },
    address: "any",
  });
  const web = await mesh.join(token, "web", { address: "10.200.1.7", labels: "zone=a" });
  assert.equal(`${web.nodeIp()}`, "10.200.1.7");
  const known = seen(web.control, "web");
  assert.deepEqual(known?.labels, { role: "web" });
  assert.deepEqual(known?.statedLabels, { zone: "a" });
  assert.deepEqual(known?.grants.offer, ["orders"]);

  lead.control.changeLabels({ node: "web", set: { tier: "1" }, remove: ["role"] });
  lead.control.changeGrants({ node: "web", add: { names: ["db"] }, remove: { offer: ["orders"] } });
  lead.control.renameMember({ node: "web", name: "shop" });
  lead.control.changeDefaultGrants({ add: { offer: ["chat/*"] }, claims: false });
  await waitFor(
    () => {
      const member = seen(web.control, "shop");
      return member?.labels.tier === "1" && member.labels.role === undefined &&
        member.grants.names.includes("db") && member.grants.offer.length === 0 &&
        !web.control.defaultGrants().claims && web.control.defaultGrants().offer.includes("chat/*");
    },
    BOUND_MS,
    { what: "the member has heard of it" },
  );
  assert.equal(web.name, "shop");

  assert.throws(() => lead.control.renameMember({ node: "shop", name: "lead" }), /lead is taken/);
  assert.throws(() => lead.control.setAddress({ node: "shop", address: "10.201.0.1" }), /not in 10\.200/);
  assert.throws(() => lead.control.setAddress({ node: "shop", address: "10.200.0.1" }), /is lead's/);
  assert.throws(() => web.control.changeLabels({ node: "shop", set: { role: "admin" } }), /no leader/);
  lead.control.setAddress({ node: "shop", address: "10.200.1.8" });
  await waitFor(() => `${web.nodeIp()}` === "10.200.1.8", BOUND_MS, { what: "it has the address" });

  await assert.rejects(mesh.join(token, "third", { address: "10.200.1.8" }), /the address is taken/);
  await assert.rejects(
    mesh.join(tokenOf(lead.control), "fourth", { address: "10.200.1.9" }),
    /does not allow the address/,
  );
  await assert.rejects(mesh.join(token, "fifth", { address: "10.9.1.9" }), /does not give that address out/);

  const kinds = lead.control.listAudit({}).map(({ kind, by, node }) =>
    `${kind} ${by.kind} ${node?.name ?? ""}`
  );
  assert.deepEqual(kinds, [
    "joined agent lead",
    "token-created operator ",
    "joined token web",
    "relabelled operator web",
    "granted operator web",
    "ungranted operator web",
    "renamed operator shop",
    "defaults-changed operator ",
    "readdressed operator shop",
    "token-created operator ",
  ]);
  assert(!JSON.stringify(lead.control.listAudit({})).includes(token.slice(6, 40)));
  assert.throws(() => web.control.listAudit({}), /no leader/);
});

Deno.test("a machine waits for approval, and is let in or refused", async () => {
  await using mesh = await Members.create();
  const lead = await mesh.lead("lead");
  const token = tokenOf(lead.control, { needsApproval: true });
  const waits = Promise.withResolvers<string>();
  const joining = mesh.join(token, "web", {}, {
    onPending: ({ id }: { readonly id: string }) => waits.resolve(id),
  });
  const id = await waits.promise;
  const [pending] = lead.control.listPending();
  assert.equal(pending?.id, id);
  assert.equal(pending?.name, "web");
  assert.equal(seen(lead.control, "web"), undefined);
  await lead.control.approveJoin("web");
  const web = await joining;
  assert.equal(web.name, "web");
  assert.deepEqual(lead.control.listPending(), []);
  const last = lead.control.listAudit({}).at(-1);
  assert.equal(last?.kind, "joined");
  assert.equal(last?.by.kind, "operator");
  assert.equal(last?.detail?.token, pending?.token);

  const refused = Promise.withResolvers<void>();
  const other = mesh.join(token, "other", {}, { onPending: () => refused.resolve() });
  await refused.promise;
  lead.control.refuseJoin("other");
  await assert.rejects(other, /has refused this machine/);
  assert.equal(lead.control.listAudit({}).at(-1)?.kind, "refused");
  await assert.rejects(lead.control.approveJoin("other"), /nobody waits/);
});

Deno.test("a machine that was cut off while it waited goes on, and a restarted leader knows it", async () => {
  await using mesh = await Members.create();
  let lead = await mesh.lead("lead", { port: 0 + freePort() });
  const { port } = { port: lead.control.status().node.listenPort };
  const token = tokenOf(lead.control, { needsApproval: true });
  const waits = Promise.withResolvers<void>();
  const joining = mesh.join(token, "web", {}, { onPending: () => waits.resolve() });
  await waits.promise;
  await lead.stop();
  lead = await mesh.resume("lead", { port, endpoints: `127.0.0.1:${port}` });
  assert.deepEqual(lead.control.listPending().map(({ name }) => name), ["web"]);
  await lead.control.approveJoin("web");
  assert.equal((await joining).name, "web");
});

Deno.test("a member leaves, and may join another network with the same state directory", async () => {
  await using mesh = await Members.create();
  const lead = await mesh.lead("lead");
  const web = await mesh.join(tokenOf(lead.control), "web");
  assert.equal(await web.leave(), true);
  assert(web.hasLeft);
  assert.equal(seen(lead.control, "web"), undefined);
  const last = lead.control.listAudit({}).at(-1);
  assert.equal(last?.kind, "left");
  assert.equal(last?.by.name, "web");
  await assert.rejects(OverlayBootstrap.load(mesh.options("web")), /belongs to no network/);

  const other = await mesh.lead("other", { cidr: "10.99.0.0/16" });
  const again = await mesh.join(tokenOf(other.control), "web");
  assert.equal(again.networkId, other.networkId);

  await assert.rejects(other.leave(), /only leader that lives/);
  other.control.status();
  await other.stop();
  await assert.rejects(again.leave(), /no leader answers/);
  assert.equal(await again.leave({ force: true }), false);
  const forgotten = OverlayBootstrap.forget(mesh.stateDir("other"));
  assert.deepEqual(forgotten, { name: "other", isRemoved: false });
  assert.equal(OverlayBootstrap.forget(mesh.stateDir("other")), undefined);
});

Deno.test("a leader that leaves hands its addresses over first", async () => {
  await using mesh = await Members.create();
  const lead = await mesh.lead("lead");
  const web = await mesh.join(tokenOf(lead.control), "web");
  await waitFor(() => lead.control.peers()[0]?.channel === "open", BOUND_MS, { what: "they have a link" });
  await lead.control.promoteLeader("web");
  await waitFor(() => lead.control.leaders().filter(({ alive }) => alive).length === 2, BOUND_MS, {
    what: "both lead",
  });
  assert.equal(lead.control.listAudit({}).filter(({ kind }) => kind === "promoted")[0]?.by.kind, "operator");
  assert.equal(await lead.leave(), true);
  assert.deepEqual(web.control.members().map(({ name }) => name), ["web"]);
  const slices = web.control.leaders().find(({ self }) => self)?.slices ?? [];
  assert.equal(slices[0]?.startsWith("10.200.0.1-"), true, slices.join());
});

Deno.test("of two leaders each notes the other's acts, gives out its own addresses, and lets in whom the other approved", async () => {
  await using mesh = await Members.create();
  const lead = await mesh.lead("lead");
  const second = await mesh.join(tokenOf(lead.control), "second");
  await waitFor(() => lead.control.peers()[0]?.channel === "open", BOUND_MS, { what: "they have a link" });
  await lead.control.promoteLeader("second");
  const lateToken = tokenOf(lead.control, { needsApproval: true });
  await waitFor(() => second.control.listTokens().length === 2, BOUND_MS, { what: "both know the tokens" });
  lead.control.changeLabels({ node: "second", set: { role: "db" } });
  await waitFor(
    () => second.control.listAudit({}).some(({ kind, by }) => kind === "relabelled" && by.kind === "leader"),
    BOUND_MS,
    { what: "the other leader has noted it" },
  );
  assert.throws(
    () => lead.control.setAddress({ node: "second", address: "10.200.200.1" }),
    /does not give out 10\.200\.200\.1, but second may/,
  );
  assert.deepEqual(
    second.control.setAddress({ node: "second", address: "10.200.200.1" }).addresses[0],
    "10.200.200.1",
  );
  const waits = Promise.withResolvers<void>();
  const joining = mesh.join(lateToken, "late", {}, { onPending: () => waits.resolve() });
  await waits.promise;
  const asked = [lead, second].filter(({ control }) => control.listPending().length > 0);
  assert(asked[0] !== undefined);
  await asked[0].control.approveJoin("late");
  assert.equal((await joining).name, "late");
});

Deno.test("Node.leave() leaves with the library, and not for a program that is attached", async () => {
  await using mesh = await Members.create();
  const lead = await mesh.lead("lead");
  const token = tokenOf(lead.control);
  const node = await Node.join(token, { name: "job", stateDir: mesh.stateDir("job") });
  assert.equal(await node.leave(), true);
  assert.equal(seen(lead.control, "job"), undefined);
  await assert.rejects(Node.resume({ stateDir: mesh.stateDir("job") }), /belongs to no network/);
  await lead.services.openPrograms(programSocketPath(mesh.stateDir("lead")));
  const program = await Node.attach({ stateDir: mesh.stateDir("lead") });
  await assert.rejects(program.leave(), /that of this machine's agent/);
  await program.stop();
});

Deno.test("a program that says it is ephemeral leaves when it stops, and is removed when it does not come back", async () => {
  await using mesh = await Members.create();
  const lead = await mesh.lead("lead");
  const token = tokenOf(lead.control);
  const [job, crashed] = await Promise.all(
    ["job", "crashed"].map((name) =>
      Node.join(token, { name, stateDir: mesh.stateDir(name), ephemeral: "2s" })
    ),
  );
  assert(job && crashed);
  assert.equal(lead.control.members({ node: "job" })[0]?.ephemeralMs, 2_000);
  await job.stop();
  assert.equal(seen(lead.control, "job"), undefined);
  await assert.rejects(Node.resume({ stateDir: mesh.stateDir("job") }), /belongs to no network/);
  // The same program runs again as a newcomer.
  const again = await Node.join(token, { name: "job", stateDir: mesh.stateDir("job"), ephemeral: true });
  assert.equal(again.name, "job");
  assert.equal(lead.control.members({ node: "job" })[0]?.ephemeralMs, 600_000);
  await again.stop();
  const audit = lead.control.listAudit({}).filter(({ node }) => node?.name === "job");
  assert.deepEqual(audit.map(({ kind }) => kind), ["joined", "left", "joined", "left"]);
  await crashed.stop();
  await assert.rejects(mesh.lead("never", { ephemeral: true }), /Cannot lead as an ephemeral node/);
});

Deno.test("what was cut off while a node left is finished by the next start", async () => {
  await using mesh = await Members.create();
  const lead = await mesh.lead("lead");
  for (const state of ["left", "asked"] as const) {
    const name = `web-${state}`;
    const web = await mesh.join(tokenOf(lead.control), name);
    await web.stop();
    using store = SqliteStateStore.open(mesh.stateDir(name));
    store.put("network", "leaving", new TextEncoder().encode(state));
  }
  await assert.rejects(OverlayBootstrap.load(mesh.options("web-left")), /belongs to no network/);
  // Nobody has heard that this one asked.
  const web = await mesh.resume("web-asked");
  lead.control.removePeer("web-asked");
  await web.closed.catch(() => {});
  await assert.rejects(OverlayBootstrap.load(mesh.options("web-asked")), /belongs to no network/);
});

Deno.test("an ephemeral member is removed when it is away for too long, and its name and address are free", async () => {
  await using mesh = await Members.create();
  const lead = await mesh.lead("lead");
  const token = tokenOf(lead.control, { ephemeralMs: 2_000 });
  const job = await mesh.join(token, "job");
  const address = `${job.nodeIp()}`;
  const stays = await mesh.join(token, "stays");
  await waitFor(
    () => lead.control.peers().filter(({ channel }) => channel === "open").length === 2,
    BOUND_MS,
    { what: "both have a link" },
  );
  await job.stop();
  await waitFor(() => seen(lead.control, "job") === undefined, UPKEEP_BOUND_MS, { what: "it is gone" });
  assert(seen(lead.control, "stays") !== undefined);
  assert.equal(lead.control.listAudit({}).at(-1)?.kind, "expired");
  const other = await mesh.join(token, "job-2", { name: "job" });
  assert.equal(other.name, "job");
  assert.equal(`${other.nodeIp()}`, address);
  await stays.stop();
});
