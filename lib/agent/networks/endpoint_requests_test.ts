import assert from "node:assert/strict";
import { VirtualTimers } from "../../base/mod.ts";
import { settle } from "../../channel/testing/memory_stream.ts";
import type { MemberAnswer } from "../../mesh/mod.ts";
import { UnknownEndpointError } from "../../overlay/mod.ts";
import { EndpointRequests } from "./endpoint_requests.ts";
import { NetworkStage } from "./testing/network_stage.ts";

const GONE: MemberAnswer = { kind: "refused", reason: "unknown-endpoint" };

function withEndpoint() {
  const stage = new NetworkStage();
  const timers = new VirtualTimers(stage.clock);
  const { leader } = stage;
  const asker = stage.join("a");
  leader.networks.create({ name: "blue", type: "vxlan", vni: 1001, cidr: "10.0.0.0/24" });
  stage.sync(leader, asker);
  assert.equal(stage.add(leader, asker, ["blue", "web-1"]), "done");
  const network = asker.book.find("blue") ?? assert.fail();
  const endpoint = network.endpoints.get("web-1") ?? assert.fail();
  const requests = (askLeaders: () => MemberAnswer) =>
    new EndpointRequests({
      ...{ mesh: asker.mesh, book: asker.book, acts: leader.endpoints, timers },
      askLeaders: () => Promise.resolve(askLeaders()),
    });
  const advance = async (ms: number) => {
    for (let at = 0; at < ms; at += 100) {
      await settle();
      timers.advance(100);
    }
    await settle();
  };
  return { stage, leader, asker, network, endpoint, requests, advance };
}

Deno.test("EndpointRequests.remove() is done when a leader has removed it whose answer was lost", async () => {
  const { stage, leader, asker, network, endpoint, requests, advance } = withEndpoint();
  const removing = requests(() => {
    const record = leader.mesh.roster.get(asker.mesh.identity.id)?.record ?? assert.fail();
    leader.endpoints.serve(record, { network: "blue", name: "web-1", act: { kind: "remove" } });
    return GONE;
  }).remove(network, endpoint);
  await advance(500);
  stage.sync(leader, asker);
  await advance(200);
  await removing;
  assert.equal(asker.book.endpoint(endpoint.definition), undefined);
});

Deno.test("EndpointRequests.remove() is refused by a leader that has not heard of it, where it stays", async () => {
  const { asker, network, endpoint, requests, advance } = withEndpoint();
  const refused = assert.rejects(requests(() => GONE).remove(network, endpoint), UnknownEndpointError);
  await advance(4_000);
  await refused;
  assert.ok(asker.book.endpoint(endpoint.definition) !== undefined);
});
