/**
 * An admission with all that it needs, and requests to it, for this folder's tests.
 * @module
 */

import assert from "node:assert/strict";
import { MemoryStateStore, VirtualClock } from "../../base/mod.ts";
import { Cidr } from "../../net/mod.ts";
import { Admission } from "../admission/admission.ts";
import type { AdmissionRequest } from "../admission/enrolment.ts";
import { type NewToken, TokenBook } from "../admission/token_book.ts";
import type { NodeIdentity } from "../identity/identity.ts";
import type { JoinToken } from "../records/join_token.ts";
import type { RecordEntry } from "../replica/mod.ts";
import { Roster } from "../replica/roster.ts";
import { SmallPool, START, stated, TestNetwork } from "./test_network.ts";

/** What an admission has. */
export interface AdmissionFixture {
  readonly network: TestNetwork;
  readonly clock: VirtualClock;
  readonly store: MemoryStateStore;
  readonly tokens: TokenBook;
  readonly roster: Roster;
  readonly pool: SmallPool;
  readonly admission: Admission;
  /** Another one over the same state. */
  open(pool: SmallPool): Admission;
  newToken(options?: Partial<NewToken>): JoinToken;
}

/** @param size how many addresses there are */
export function setUpAdmission(seed: number, size = 20): AdmissionFixture {
  const network = new TestNetwork(seed);
  const clock = new VirtualClock(START);
  const store = new MemoryStateStore();
  const tokens = new TokenBook(store, { random: network.random, clock });
  const { id: networkId, verifyingKey } = network.identity;
  const roster = new Roster(store, { networkId, verifyingKey, clock });
  const open = (pool: SmallPool) =>
    new Admission({ store, roster, tokens, network: network.identity, clock, addresses: pool });
  const pool = new SmallPool(size);
  const newToken = (options: Partial<NewToken> = {}) =>
    tokens.create({
      networkId,
      leaderPublicKey: network.node().publicKey,
      endpoints: [],
      cidr: Cidr.parse("10.200.0.0/16") ?? assert.fail(),
      lifetimeMs: 3_600_000,
      ...options,
    });
  return { network, clock, store, tokens, roster, pool, open, admission: open(pool), newToken };
}

/** @returns what a machine asks that holds a token */
export function requestOf(
  node: NodeIdentity,
  token: JoinToken,
  fields: Partial<AdmissionRequest> = {},
): AdmissionRequest {
  return {
    tokenId: token.tokenId,
    secret: token.secret,
    name: "web",
    publicKey: node.publicKey,
    verifyingKey: node.signingKey.verifyingKey,
    statement: stated(node, 1, "192.0.2.1:51820"),
    remotePublicKey: node.publicKey,
    ...fields,
  };
}

/** @returns the record @throws AssertionError when nobody was let in */
export function enrolled(result: RecordEntry | string | undefined): RecordEntry["record"] {
  assert.ok(typeof result === "object", String(result));
  return result.record;
}
