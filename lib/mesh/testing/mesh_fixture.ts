/**
 * A network of whole states, for this folder's tests.
 * @module
 */

import assert from "node:assert/strict";
import { MemoryStateStore, SeededRandom, VirtualClock } from "../../base/mod.ts";
import { Cidr } from "../../net/mod.ts";
import { encodeJoinRequest, type MeshOptions, MeshState } from "../mesh_state.ts";
import type { MemberAnswer, MemberRequest } from "../wire/member_request.ts";
import { decodeMeshMessage, encodeMeshMessage } from "../wire/mesh_message.ts";
import { SmallPool, START } from "./test_network.ts";

/** The overlay of its networks. */
export const CIDR: Cidr = Cidr.parse("10.200.0.0/16") ?? assert.fail();

/** Nodes of one network, as many as a test asks for, under one virtual clock. */
export class MeshFixture {
  readonly clock: VirtualClock = new VirtualClock(START);
  readonly random: SeededRandom;
  /** Of each state. */
  readonly stores: Map<MeshState, MemoryStateStore> = new Map<MeshState, MemoryStateStore>();
  readonly #poolSize: number;

  constructor(seed: number, poolSize = 64) {
    this.random = new SeededRandom(seed);
    this.#poolSize = poolSize;
  }

  /** Of what every state is made. */
  get options(): MeshOptions {
    return { random: this.random, clock: this.clock, addressPool: () => new SmallPool(this.#poolSize) };
  }

  /** Starts the network. */
  create(): MeshState {
    const store = new MemoryStateStore();
    return this.#keep(MeshState.create(store, { ...this.options, name: "a", cidr: CIDR }), store);
  }

  /** Loads a node again, as after a restart. */
  load(state: MeshState): MeshState {
    const store = this.stores.get(state) ?? assert.fail();
    return this.#keep(MeshState.load(store, this.options), store);
  }

  /** Lets a new machine in by `leader`; it knows what the leader knows. */
  join(leader: MeshState, name: string): MeshState {
    const store = new MemoryStateStore();
    const identity = MeshState.prepareJoin(store, this.random);
    const token = leader.tokens?.create({
      networkId: leader.network.id,
      leaderPublicKey: leader.identity.publicKey,
      endpoints: [],
      cidr: CIDR,
      lifetimeMs: 1000,
    }) ?? assert.fail();
    const wanted = { name, labels: {}, endpoints: [], channelEndpoints: [], clock: this.clock };
    const asked = decodeMeshMessage(encodeJoinRequest(identity, token, wanted));
    assert.equal(asked?.kind, "join-request");
    const request = { ...asked.request, tokenId: token.tokenId, remotePublicKey: identity.publicKey };
    const enrolled = leader.admission?.admit(request);
    assert.ok(typeof enrolled === "object", String(enrolled));
    const [answer] = leader.admittedMessages(enrolled).map(decodeMeshMessage);
    assert.equal(answer?.kind, "admitted");
    const state = MeshState.completeJoin(store, { ...this.options, admitted: answer.admitted, token });
    assert.ok(state instanceof MeshState);
    return this.#keep(state, store);
  }

  /** Lets them send each other everything. */
  sync(...states: readonly MeshState[]): void {
    for (const from of states) for (const to of states) to.replica.merge(from.replica.snapshot());
  }

  /** The way of a request, with its bytes. */
  promote(leader: MeshState, member: MeshState): void {
    const request = sent(leader.leadership.promotions.offer(member.record));
    assert.equal(request.kind, "promotion");
    assert.ok(member.leadership.accept(request));
    this.confirm(leader, member);
  }

  /** Has a member lead that has taken the offer. */
  confirm(leader: MeshState, member: MeshState): void {
    member.replica.merge(leader.leadership.promotions.confirm(member.record) ?? assert.fail());
    assert.ok(member.leadership.takeOffer());
    this.sync(leader, member);
  }

  #keep(state: MeshState, store: MemoryStateStore): MeshState {
    this.stores.set(state, store);
    return state;
  }
}

/** @returns the request as it arrives */
export function sent(request: MemberRequest): MemberRequest {
  const message = decodeMeshMessage(encodeMeshMessage({ kind: "request", number: 1, request }));
  assert.equal(message?.kind, "request");
  return message.request;
}

/** @returns the answer as it arrives */
export function answered(answer: MemberAnswer): Extract<MemberAnswer, { kind: "done" }> {
  const message = decodeMeshMessage(encodeMeshMessage({ kind: "response", number: 1, answer }));
  assert(message?.kind === "response" && message.answer.kind === "done");
  return message.answer;
}
