import assert from "node:assert/strict";
import { MemoryStateStore } from "../../base/mod.ts";
import { Cidr } from "../../net/mod.ts";
import { NetworkStage, type StageNode } from "../networks/testing/network_stage.ts";
import { MAX_MEMBER_OFFERS, MAX_MEMBER_ROUTES, MAX_ROUTES, RouteActs, RouteBook } from "./mod.ts";
import { decisionKey, encodeDecision, encodeOffer, ROUTE_KIND, ROUTE_OFFER_KIND } from "./route_entry.ts";

const LAN = cidr("192.168.50.0/24");

Deno.test("RouteBook has an offer lead nobody anywhere until a leader has approved it", () => {
  const { leader, web, sync } = staged();
  web.acts.offer(LAN, true);
  sync();
  assert.deepEqual(states(leader), ["192.168.50.0/24 web-1 offered"]);
  assert.deepEqual([leader.routes.approved, leader.routes.blocks().size], [[], 0]);
  leader.acts.decide(LAN, web.node.mesh.record, { masquerade: true, rejected: false });
  sync();
  for (const node of [leader, web]) {
    assert.deepEqual(states(node), ["192.168.50.0/24 web-1 approved"]);
    assert.deepEqual([...node.routes.blocks()].map(([id, blocks]) => [id, blocks.join()]), [
      [web.node.mesh.identity.id, "192.168.50.0/24"],
    ]);
  }
});

Deno.test("RouteBook heeds no decision of a member, whatever it signs", () => {
  const { leader, web, sync } = staged();
  const { identity, replica } = web.node.mesh;
  const body = encodeDecision({
    masquerade: true,
    rejected: false,
    offerVersion: 0,
    decidedBy: leader.node.mesh.identity.id,
    decidedAt: leader.node.mesh.record.issuedAt,
  });
  const entry = { kind: ROUTE_KIND, key: decisionKey(LAN, identity.id), body };
  assert.throws(() => replica.entries.write(identity.id, identity.signingKey, entry), /rejected:authority/);
  assert.throws(
    () => replica.entries.write(replica.entries.networkOrigin(ROUTE_KIND, ""), identity.signingKey, entry),
    /rejected:signature/,
  );
  sync();
  assert.deepEqual(states(leader), []);
});

Deno.test("RouteBook reads no offer of the mesh's own blocks, of this host itself, or that is written otherwise", () => {
  const { leader, web, sync } = staged();
  const { identity, replica } = web.node.mesh;
  const offers = [
    "10.200.7.0/24",
    "127.0.0.0/8",
    "224.0.0.0/4",
    "10.0.0.0/4",
    "192.168.50.1/24",
    "FD00::/64",
    "x",
  ];
  for (const key of offers) {
    const body = encodeOffer({ masquerade: true, withdrawn: false });
    replica.entries.write(identity.id, identity.signingKey, { kind: ROUTE_OFFER_KIND, key, body });
  }
  sync();
  assert.equal(leader.node.mesh.replica.entries.list(ROUTE_OFFER_KIND).length, offers.length);
  assert.deepEqual(states(leader), []);
  assert.throws(() => leader.acts.decide(cidr("10.200.7.0/24"), web.node.mesh.record, DECIDED), /mesh's own/);
});

Deno.test("RouteBook looks at so many offers of one member, and leaders approve so many", () => {
  const { leader, web, sync } = staged();
  const { identity, replica } = web.node.mesh;
  const body = encodeOffer({ masquerade: true, withdrawn: false });
  for (let i = 0; i < MAX_MEMBER_OFFERS + 9; i++) {
    const key = `192.168.${i}.0/24`;
    replica.entries.write(identity.id, identity.signingKey, { kind: ROUTE_OFFER_KIND, key, body });
  }
  sync();
  assert.equal(leader.routes.routes.length, MAX_MEMBER_OFFERS);
  for (let i = 0; i < MAX_MEMBER_ROUTES; i++) {
    leader.acts.decide(cidr(`10.9.${i}.0/24`), web.node.mesh.record, DECIDED);
  }
  assert.throws(
    () => leader.acts.decide(cidr("10.8.0.0/24"), web.node.mesh.record, DECIDED),
    /web-1 has 32 routes/,
  );
  const own = leader.node.mesh.record;
  const others = MAX_ROUTES - MAX_MEMBER_ROUTES;
  const members = Array.from(
    { length: others / MAX_MEMBER_ROUTES },
    (_, i) => leader.stage.join(`m${i}`).mesh.record,
  );
  for (const [n, member] of members.entries()) {
    for (let i = 0; i < MAX_MEMBER_ROUTES; i++) {
      leader.acts.decide(cidr(`10.${10 + n}.${i}.0/24`), member, DECIDED);
    }
  }
  assert.throws(() => leader.acts.decide(cidr("10.8.0.0/24"), own, DECIDED), /there are 256 routes already/);
});

Deno.test("RouteBook has a member withdraw what it offers, although it is approved, until it offers it again", () => {
  const { leader, web, sync } = staged();
  web.acts.offer(LAN, true);
  sync();
  leader.acts.decide(LAN, web.node.mesh.record, DECIDED);
  sync();
  web.acts.withdraw(LAN);
  sync();
  assert.deepEqual(states(leader), ["192.168.50.0/24 web-1 withdrawn"]);
  leader.acts.lookAfter(true);
  sync();
  assert.deepEqual(states(web), []);
  web.acts.offer(LAN, false);
  sync();
  assert.deepEqual(states(leader), ["192.168.50.0/24 web-1 offered"]);
});

Deno.test("RouteBook keeps a rejected offer rejected until it is made anew", () => {
  const { leader, web, sync } = staged();
  web.acts.offer(LAN, true);
  sync();
  leader.acts.decide(LAN, web.node.mesh.record, { masquerade: true, rejected: true });
  sync();
  assert.deepEqual(states(web), ["192.168.50.0/24 web-1 rejected"]);
  web.acts.lookAfter(false);
  assert.deepEqual(states(web), ["192.168.50.0/24 web-1 rejected"], "it is not written again by itself");
  web.acts.withdraw(LAN);
  web.acts.offer(LAN, true);
  sync();
  assert.deepEqual(states(leader), ["192.168.50.0/24 web-1 offered"]);
});

Deno.test("RouteBook has none lead to a network who was removed, and leaders forget it", () => {
  const { leader, web, sync } = staged();
  leader.acts.decide(LAN, web.node.mesh.record, DECIDED);
  leader.node.mesh.admission?.revoke(web.node.mesh.record.publicKey);
  sync();
  assert.deepEqual(leader.routes.approved, []);
  leader.acts.lookAfter(true);
  assert.deepEqual(leader.node.mesh.replica.entries.list(ROUTE_KIND), []);
});

Deno.test("RouteBook heeds who says that it has no way itself to where it leads, of its own routes alone", () => {
  const { leader, web, sync } = staged();
  leader.acts.decide(LAN, web.node.mesh.record, DECIDED);
  leader.acts.setDown(LAN, true);
  sync();
  assert.deepEqual(leader.routes.approved.map(({ isDown }) => isDown), [false]);
  web.acts.setDown(LAN, true);
  sync();
  for (const { routes } of [leader, web]) {
    assert.deepEqual(routes.approved.map(({ isDown }) => isDown), [true]);
  }
  web.acts.setDown(LAN, false);
  sync();
  assert.deepEqual(leader.routes.approved.map(({ isDown }) => isDown), [false]);
});

const DECIDED = { masquerade: true, rejected: false } as const;

interface Staged {
  readonly stage: NetworkStage;
  readonly node: StageNode;
  readonly routes: RouteBook;
  readonly acts: RouteActs;
}

function staged(): { readonly leader: Staged; readonly web: Staged; sync(): void } {
  const stage = new NetworkStage();
  const of = (node: StageNode): Staged => {
    const { mesh, book } = node;
    const routes = new RouteBook({
      mesh,
      overlay: () => [mesh.cidr],
      ownerOf: (nodeId) => book.ownerOf(nodeId),
    });
    const acts = new RouteActs({ mesh, book: routes, store: new MemoryStateStore(), clock: stage.clock });
    return { stage, node, routes, acts };
  };
  const [leader, web] = [of(stage.leader), of(stage.join("web-1"))];
  const sync = () => {
    stage.sync(leader.node, web.node);
    for (const { routes } of [leader, web]) routes.forget();
  };
  sync();
  return { leader, web, sync };
}

function states({ routes }: Staged): readonly string[] {
  return routes.routes.map(({ prefix, owner, state }) => `${prefix} ${owner?.name} ${state}`);
}

function cidr(text: string): Cidr {
  return Cidr.parse(text) ?? assert.fail(`${text} is no block`);
}
