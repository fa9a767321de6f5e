import assert from "node:assert/strict";
import { millis } from "../../base/mod.ts";
import { ActionBreakers } from "../directory/circuit_breaker.ts";
import { peerId } from "../ports.ts";
import type { ServiceState } from "../wire/service_advert.ts";
import { DEAD_AFTER_MS, LOST_FOR_MS, ServiceElection } from "./service_leadership.ts";

const [a, b, c] = [peerId("a"), peerId("b"), peerId("c")];
const PROVIDERS = [a, b, c].map((peer) => provider(peer, "running"));

function provider(peer: typeof a, state: ServiceState) {
  const service = { path: "x", version: "", description: "", state, actions: [], events: [], elects: true };
  return { peer, run: 1, service: { ...service, port: 0, protocol: "" }, breakers: new ActionBreakers() };
}

const ranking = (election: ServiceElection, nowMs: number, isHealthy = true, isRival = false) =>
  election.ranked(PROVIDERS, millis(nowMs), () => isHealthy, isRival).map(({ peer }) => peer).join("");

Deno.test("ServiceElection ranks the living by their ids, the highest first", () => {
  const election = new ServiceElection();
  assert.equal(ranking(election, 0), "cba", "a peer without a heartbeat is as healthy as others say");
  assert.equal(ranking(election, 0, false), "");
  election.handleHeartbeat(b, millis(0));
  assert.equal(ranking(election, DEAD_AFTER_MS, false), "b");
  assert.equal(ranking(election, DEAD_AFTER_MS + 1), "ca");
  const paused = [provider(a, "running"), provider(b, "paused")];
  const ranked = election.ranked(paused, millis(0), () => true, false);
  assert.deepEqual(ranked.map(({ peer }) => peer), [a]);
});

Deno.test("ServiceElection takes a peer for dead whose link was lost, for a while or until its next heartbeat", () => {
  const election = new ServiceElection();
  election.handleLinkLost(b, millis(0));
  assert.equal(ranking(election, 0), "cba", "it had none");
  election.handleHeartbeat(c, millis(0));
  election.handleLinkLost(c, millis(1_000));
  assert.equal(ranking(election, 1_000), "ba");
  assert.equal(ranking(election, 1_000 + LOST_FOR_MS), "ba");
  assert.equal(ranking(election, 1_001 + LOST_FOR_MS), "cba", "others have to say");
  assert.equal(ranking(election, 10 * LOST_FOR_MS, true, true), "ba", "a rival calls until it hears");
  election.handleHeartbeat(c, millis(2_000));
  assert.equal(ranking(election, 2_000), "cba");
  election.handleLinkLost(c, millis(3_000));
  election.forget(c);
  assert.equal(ranking(election, 3_000), "cba");
});
