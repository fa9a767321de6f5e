import assert from "node:assert/strict";
import { Cidr } from "../../net/mod.ts";
import { EMPTY_ADVERT, encodeAdvert } from "../../service/mod.ts";
import { NetworkStage, type StageNode } from "../networks/testing/network_stage.ts";
import { ADVERT_KIND, RosterView } from "./roster_view.ts";

const service = {
  version: "1",
  description: "",
  state: "running" as const,
  actions: [],
  events: [],
  elects: false,
  port: 0,
  protocol: "",
};

function offer({ mesh }: StageNode, ...paths: readonly string[]): void {
  const { identity, replica } = mesh;
  const body = encodeAdvert({ ...EMPTY_ADVERT, services: paths.map((path) => ({ ...service, path })) });
  replica.entries.write(identity.id, identity.signingKey, { kind: ADVERT_KIND, key: "0", body });
}

Deno.test("RosterView.roster() takes names and labels of records, and services that their member may offer", () => {
  const stage = new NetworkStage();
  const { leader } = stage;
  const web = stage.join("web-1", { role: "web" });
  stage.sync(leader, web);
  offer(web, "orders", "admin");
  stage.sync(leader, web);
  const view = new RosterView({
    mesh: leader.mesh,
    authority: { mayOffer: (_, { service }) => service !== "admin" },
    networks: () => leader.book.networks,
  });
  const memberOf = (withServices: boolean) =>
    view.roster(withServices).members.find(({ id }) => id === web.mesh.identity.id) ?? assert.fail();
  const { name, labels, roles, services, addresses } = memberOf(true);
  assert.deepEqual([name, labels, roles, services], ["web-1", { role: "web" }, ["member"], ["orders"]]);
  assert.deepEqual(addresses, web.mesh.record.addresses);
  assert.deepEqual(memberOf(false).services, [], "nobody asks for them");
  assert.equal(memberOf(true), memberOf(true), "the same object while nothing changes");
});

Deno.test("RosterView.roster() has a member have the networks that it leads to by the network key's word", () => {
  const stage = new NetworkStage();
  const { leader: { mesh, book } } = stage;
  const routed = new Map([[mesh.identity.id, [Cidr.parse("192.168.50.0/24") ?? assert.fail()]]]);
  const view = new RosterView({
    mesh,
    authority: { mayOffer: () => true },
    networks: () => book.networks,
    routed: () => routed,
  });
  const [before] = view.roster(false).members;
  assert.equal(before?.blocks.join(), "192.168.50.0/24");
  assert.equal(view.roster(false).members[0], before, "the same object while nothing changes");
  routed.clear();
  assert.equal(view.roster(false).members[0]?.blocks.join(), "");
});

Deno.test("RosterView.roster() has endpoints of members with their labels, and none that is in conflict", () => {
  const stage = new NetworkStage();
  const { leader } = stage;
  const web = stage.join("web-1", { role: "web" });
  stage.sync(leader, web);
  leader.networks.create({ name: "blue", type: "vxlan", cidr: "10.9.0.0/24" });
  assert.equal(stage.add(leader, web, ["blue", "front"], { addresses: ["10.9.0.9"] }), "done");
  stage.sync(leader, web);
  const view = new RosterView({
    mesh: leader.mesh,
    authority: { mayOffer: () => true },
    networks: () => leader.book.networks,
  });
  const [blue] = view.roster(false).networks;
  assert.equal(blue?.name, "blue");
  assert.deepEqual(
    blue?.endpoints.map(({ name, labels, member, addresses }) => [name, labels, member, addresses.join()]),
    [["front", { role: "web" }, web.mesh.identity.id, "10.9.0.9"]],
  );
  leader.mesh.admission?.revoke(web.mesh.record.publicKey);
  stage.sync(leader);
  assert.deepEqual(view.roster(false).networks[0]?.endpoints, [], "of one that was removed");
  assert.equal(view.roster(false).members.length, 1);
});
