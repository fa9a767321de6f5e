/**
 * A mesh without hosts, for tests of overlay networks: leaders and members, each with what it knows itself.
 * @module
 */

import assert from "node:assert/strict";
import { MemoryStateStore, SeededRandom, VirtualClock } from "../../../base/mod.ts";
import { builtInDrivers } from "../../../../drivers/mod.ts";
import {
  decodeMeshMessage,
  encodeJoinRequest,
  type EndpointAct,
  type MemberAnswer,
  MeshState,
  NO_GRANTS,
} from "../../../mesh/mod.ts";
import { SmallPool, START } from "../../../mesh/testing/test_network.ts";
import { Cidr, IpAddress, MacAddress } from "../../../net/mod.ts";
import { DriverTable } from "../driver_table.ts";
import { EndpointActs } from "../endpoint_acts.ts";
import { EntrySigner, NetworkActs } from "../network_acts.ts";
import { NetworkBook } from "../network_book.ts";

const cidr = Cidr.parse("10.200.0.0/16") ?? assert.fail();

/** One node: what it knows, reads of it, and does where it leads. */
export interface StageNode {
  readonly mesh: MeshState;
  readonly book: NetworkBook;
  readonly networks: NetworkActs;
  readonly endpoints: EndpointActs;
}

/** A mesh whose members know of each other what `sync` tells them. */
export class NetworkStage {
  readonly clock: VirtualClock = new VirtualClock(START);
  readonly random: SeededRandom = new SeededRandom(5);
  readonly leader: StageNode;

  constructor() {
    this.leader = this.#node(
      MeshState.create(new MemoryStateStore(), { ...this.#options, name: "lead", cidr }),
    );
  }

  get #options() {
    return { random: this.random, clock: this.clock, addressPool: () => new SmallPool(200) };
  }

  /** Lets a machine in at the first leader. */
  join(name: string, labels: Readonly<Record<string, string>> = {}): StageNode {
    const { leader: { mesh: leader }, clock } = this;
    const store = new MemoryStateStore();
    const identity = MeshState.prepareJoin(store, this.random);
    const token = leader.tokens?.create({
      networkId: leader.network.id,
      leaderPublicKey: leader.identity.publicKey,
      endpoints: [],
      cidr,
      lifetimeMs: 1000,
      grants: NO_GRANTS,
      labels,
    }) ?? assert.fail();
    const wanted = { name, labels: {}, endpoints: [], channelEndpoints: [], clock };
    const asked = decodeMeshMessage(encodeJoinRequest(identity, token, wanted));
    assert.equal(asked?.kind, "join-request");
    const request = { ...asked.request, tokenId: token.tokenId, remotePublicKey: identity.publicKey };
    const enrolled = leader.admission?.admit(request);
    assert.ok(typeof enrolled === "object", String(enrolled));
    const [answer] = leader.admittedMessages(enrolled).map(decodeMeshMessage);
    assert.equal(answer?.kind, "admitted");
    const state = MeshState.completeJoin(store, { ...this.#options, admitted: answer.admitted, token });
    assert.ok(state instanceof MeshState);
    return this.#node(state);
  }

  /** Makes a member a leader. */
  promote({ mesh }: StageNode): void {
    const { promotions } = this.leader.mesh.leadership;
    assert.ok(mesh.leadership.accept(promotions.offer(mesh.record)));
    mesh.replica.merge(promotions.confirm(mesh.record) ?? assert.fail());
    assert.ok(mesh.leadership.takeOffer());
  }

  /** Has all of them know all that one of them knows. */
  sync(...nodes: readonly StageNode[]): void {
    for (const from of nodes) {
      for (const to of nodes) if (from !== to) to.mesh.replica.merge(from.mesh.replica.snapshot());
    }
    for (const { mesh, book } of nodes) {
      mesh.replica.deliverEvents();
      book.forget();
    }
  }

  /** Asks a leader for an endpoint, and has both know what came of it. @returns why it was refused, or `done` */
  add(
    leader: StageNode,
    asker: StageNode,
    [network = "", name = ""]: readonly string[],
    wish: { readonly mac?: string; readonly addresses?: readonly string[] } = {},
  ): string {
    const { mac, addresses = [] } = wish;
    return this.ask(leader, asker, network, name, {
      kind: "add",
      addresses: addresses.map(readAddress),
      allowsForeign: false,
      ...mac !== undefined && { mac: MacAddress.parse(mac) ?? assert.fail() },
    });
  }

  /** Asks a leader. @returns why it was refused, or `done` */
  ask(leader: StageNode, asker: StageNode, network: string, name: string, act: EndpointAct): string {
    const record = leader.mesh.roster.get(asker.mesh.identity.id)?.record ?? assert.fail();
    const { answer } = leader.endpoints.serve(record, { network, name, act });
    if (answer.kind === "done" && answer.update !== undefined) asker.mesh.replica.merge(answer.update);
    asker.book.forget();
    return outcomeOf(answer);
  }

  #node(mesh: MeshState): StageNode {
    const book = new NetworkBook(mesh);
    const drivers = new DriverTable(builtInDrivers());
    const signer = new EntrySigner(mesh, book);
    const { clock } = this;
    const parts = {
      mesh,
      book,
      clock,
      driverOf: (type: string) => drivers.require(type),
      meshMtuBytes: 1420,
    };
    return {
      mesh,
      book,
      networks: new NetworkActs(parts, signer),
      endpoints: new EndpointActs(parts, signer),
    };
  }
}

function readAddress(text: string): IpAddress {
  return IpAddress.parse(text) ?? assert.fail(text);
}

function outcomeOf(answer: MemberAnswer): string {
  if (answer.kind === "done") return "done";
  return answer.reason ?? (answer.retryAfterMs === undefined ? "refused" : "later");
}
