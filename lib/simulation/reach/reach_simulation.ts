/**
 * Nodes at all kinds of places, of which some begin to use each other at the same moment.
 * @module
 */

import { randomUint32 } from "../../base/mod.ts";
import { PLACE_KINDS } from "./places.ts";
import { VirtualInternet, type VirtualNode } from "./virtual_internet.ts";

const PAIRS_OF_A_NODE = 4;
const LEADERS = 2;
/** By then all have paths to the leaders. */
const SETTLE_MS = 2_000;
/** How often packets go each way. */
const TRAFFIC_MS = 250;
const PACKET_BYTES = 100;

/** Two nodes that use each other; the first one begins. */
export interface NodePair {
  readonly a: VirtualNode;
  readonly b: VirtualNode;
}

/** @returns the pair with its kinds of places, for messages */
export function describePair({ a, b }: NodePair): string {
  return `${a.kind} ${a.id.slice(-4)} and ${b.kind} ${b.id.slice(-4)}`;
}

/** The same options make the same run. */
export class ReachSimulation {
  readonly internet: VirtualInternet;
  /** About four for each node, of kinds by chance. */
  readonly pairs: readonly NodePair[];
  /** When they began, in virtual milliseconds. */
  #beganAt = 0;

  /** @param options.nodes how many, besides two leaders in the open @param options.loss the part of datagrams that is lost */
  constructor({ nodes, seed, loss = 0 }: {
    readonly nodes: number;
    readonly seed: number;
    readonly loss?: number;
  }) {
    const internet = this.internet = new VirtualInternet(seed);
    internet.loss = loss;
    for (let i = 0; i < LEADERS; i++) internet.add("open", true);
    for (let i = 0; i < nodes; i++) internet.add(PLACE_KINDS[i % PLACE_KINDS.length] ?? "open");
    for (const node of internet.nodes) {
      for (const leader of internet.leaders) if (leader !== node) internet.acquaint(leader, node);
    }
    for (const node of internet.nodes) node.start();
    for (const node of internet.nodes) for (const leader of internet.leaders) node.watch.want(leader.id);
    internet.run(SETTLE_MS);
    this.pairs = choosePairs(internet);
  }

  /** Has all pairs hear of each other, and want to send. */
  begin(): void {
    this.#beganAt = this.internet.clock.now();
    for (const { a, b } of this.pairs) {
      this.internet.acquaint(a, b);
      a.watch.want(b.id);
    }
  }

  /** Lets pairs send to each other, as far as they have paths, for so long in virtual milliseconds. */
  use(pairs: readonly NodePair[], ms: number): void {
    const { internet } = this;
    for (let passed = 0; passed < ms; passed += TRAFFIC_MS) {
      for (const { a, b } of pairs) {
        const isUp = a.chosen.has(b.id) && b.chosen.has(a.id);
        const traffic = { sentBytes: PACKET_BYTES, receivedBytes: isUp ? PACKET_BYTES : 0 };
        a.watch.prober.noteTraffic(internet.clock.now(), b.id, traffic);
        b.watch.prober.noteTraffic(internet.clock.now(), a.id, {
          ...traffic,
          sentBytes: isUp ? PACKET_BYTES : 0,
        });
      }
      internet.run(TRAFFIC_MS);
    }
  }

  /** @returns after how many milliseconds the first of a pair had a path to the other; undefined when it has not */
  firstPathMs({ a, b }: NodePair): number | undefined {
    return since(this.#beganAt, a.firstAt.get(b.id));
  }

  /** @returns after how many it had a direct one; undefined when it has not */
  directPathMs({ a, b }: NodePair): number | undefined {
    return since(this.#beganAt, a.directAt.get(b.id));
  }
}

function since(beganAt: number, at: number | undefined): number | undefined {
  return at === undefined ? undefined : at - beganAt;
}

function choosePairs(internet: VirtualInternet): NodePair[] {
  const others = internet.nodes.filter(({ isLeader }) => !isLeader);
  const pairs: NodePair[] = [];
  const seen = new Set<string>();
  for (const a of others) {
    for (let i = 0; i < PAIRS_OF_A_NODE; i++) {
      const b = others[randomUint32(internet.random) % others.length];
      if (b === undefined || a === b || seen.has(`${a.id} ${b.id}`)) continue;
      seen.add(`${a.id} ${b.id}`).add(`${b.id} ${a.id}`);
      pairs.push({ a, b });
    }
  }
  return pairs;
}
