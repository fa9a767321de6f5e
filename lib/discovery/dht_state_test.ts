import assert from "node:assert/strict";
import {
  concatBytes,
  encodeHex,
  type Millis,
  millis,
  randomBytes,
  type RandomSource,
  SeededRandom,
} from "../base/mod.ts";
import { Endpoint } from "../net/mod.ts";
import { type BencodeValue, decodeBencode, encodeBencode } from "./bencode.ts";
import { dhtKey, type DhtOptions, DhtState } from "./dht_state.ts";

const NETWORK = "000102030405060708090a0b0c0d0e0f";
const TODAY = 20_778;
const MINUTE_MS = 60_000;

/** A query as a node of the DHT reads it. */
interface ReceivedQuery {
  readonly at: Millis;
  readonly to: string;
  readonly name: string;
  readonly transaction: Uint8Array;
  readonly fields: ReadonlyMap<string, BencodeValue>;
}

interface FakeNode {
  readonly id: Uint8Array;
  readonly endpoint: Endpoint;
  readonly store: Map<string, Uint8Array[]>;
}

type Answer = (query: ReceivedQuery, node: FakeNode) => Uint8Array | undefined;

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

function endpointOf(text: string): Endpoint {
  const endpoint = Endpoint.parse(text);
  assert(endpoint !== undefined);
  return endpoint;
}

function compact({ address, port }: Endpoint): Uint8Array {
  return concatBytes(address.bytes, Uint8Array.of(port >> 8, port & 0xff));
}

function responseTo(transaction: Uint8Array, body: Readonly<Record<string, BencodeValue>>): Uint8Array {
  const r = new Map(Object.entries(body));
  return encodeBencode(new Map<string, BencodeValue>([["t", transaction], ["y", bytesOf("r")], ["r", r]]));
}

/** A DHT in memory, in which all know all and each keeps what is announced to it. */
class FakeDht {
  readonly received: ReceivedQuery[] = [];
  readonly nodes: readonly FakeNode[];
  now: Millis = millis(1_000);
  today = TODAY;
  /** What else a node answers; undefined for silence. */
  answer: Answer = (query, node) => this.answerHonestly(query, node);

  constructor(random: RandomSource, size: number) {
    this.nodes = Array.from({ length: size }, (_, i) => ({
      id: randomBytes(random, 20),
      endpoint: endpointOf(`192.0.2.${i + 1}:6881`),
      store: new Map(),
    }));
  }

  get routers(): Endpoint[] {
    return this.nodes.slice(0, 2).map(({ endpoint }) => endpoint);
  }

  /** Lets time pass for a state and its queries arrive. @returns what it has found */
  run(state: DhtState, forMs: number, source = "198.51.100.9"): string[] {
    const end = this.now + forMs;
    const found: string[] = [];
    for (let turns = 0; turns < 20_000; turns++) {
      state.handleTimeout(this.now, this.today);
      for (let out = state.pollTransmit(); out !== undefined; out = state.pollTransmit()) {
        this.#deliver(state, out.datagram, out.destination, source);
      }
      for (let place = state.pollFound(); place !== undefined; place = state.pollFound()) {
        found.push(`${place}`);
      }
      const next = Math.max(this.now + 1, state.pollTimeout());
      if (next > end) {
        this.now = millis(end);
        return found;
      }
      this.now = millis(next);
    }
    throw new Error("the state does not come to rest");
  }

  answerHonestly({ name, transaction, fields }: ReceivedQuery, node: FakeNode): Uint8Array {
    const key = encodeHex(fields.get("info_hash") as Uint8Array);
    if (name === "announce_peer") {
      assert.deepEqual(fields.get("token"), bytesOf(`token ${node.endpoint}`));
      return responseTo(transaction, { id: node.id });
    }
    const nodes = concatBytes(...this.nodes.map(({ id, endpoint }) => concatBytes(id, compact(endpoint))));
    const values = node.store.get(key) ?? [];
    return responseTo(transaction, { id: node.id, nodes, values, token: bytesOf(`token ${node.endpoint}`) });
  }

  #deliver(state: DhtState, datagram: Uint8Array, destination: Endpoint, source: string): void {
    const message = decodeBencode(datagram) as ReadonlyMap<string, BencodeValue>;
    const query: ReceivedQuery = {
      at: this.now,
      to: `${destination}`,
      name: String.fromCharCode(...message.get("q") as Uint8Array),
      transaction: message.get("t") as Uint8Array,
      fields: message.get("a") as ReadonlyMap<string, BencodeValue>,
    };
    this.received.push(query);
    const node = this.nodes.find(({ endpoint }) => endpoint.equals(destination));
    if (node === undefined) return;
    if (query.name === "announce_peer") {
      const key = encodeHex(query.fields.get("info_hash") as Uint8Array);
      const peer = compact(endpointOf(`${source}:${query.fields.get("port")}`));
      node.store.set(key, [...node.store.get(key) ?? [], peer]);
    }
    const answer = this.answer(query, node);
    if (answer !== undefined) state.handleDatagram(this.now, answer, destination);
  }
}

function newState(dht: FakeDht, options: Partial<DhtOptions> = {}): DhtState {
  return new DhtState(dht.now, {
    networkId: NETWORK,
    routers: dht.routers,
    random: new SeededRandom(11),
    isLooking: () => true,
    ...options,
  });
}

function keysOf(queries: readonly ReceivedQuery[]): Set<string> {
  return new Set(queries.map(({ fields }) => encodeHex(fields.get("info_hash") as Uint8Array)));
}

Deno.test("DhtState lets a seeker find whom a member announced, yesterday's included", () => {
  const dht = new FakeDht(new SeededRandom(1), 12);
  dht.run(newState(dht, { port: 51820 }), 3_000, "198.51.100.1");
  const announcements = dht.received.filter(({ name }) => name === "announce_peer");
  assert.equal(announcements.length, 8, "the eight nearest keep it");
  assert.deepEqual(dht.run(newState(dht), 700), ["198.51.100.1:51820"]);
  dht.today++;
  assert.deepEqual(dht.run(newState(dht), 700), ["198.51.100.1:51820"], "the day after");
  dht.today++;
  assert.deepEqual(dht.run(newState(dht), 700), [], "two days after");
});

Deno.test("DhtState announces today's key alone, in a few rounds, under another id each day", () => {
  const dht = new FakeDht(new SeededRandom(2), 12);
  const state = newState(dht, { port: 7 });
  const idsOf = (queries: readonly ReceivedQuery[]): string[] => {
    return [...new Set(queries.map(({ fields }) => encodeHex(fields.get("id") as Uint8Array)))];
  };
  dht.run(state, 20 * MINUTE_MS);
  const announcements = dht.received.filter(({ name }) => name === "announce_peer");
  assert.deepEqual(keysOf(announcements), new Set([encodeHex(dhtKey(NETWORK, TODAY))]));
  assert(announcements.length >= 5 * 8 && announcements.length <= 7 * 8, `${announcements.length}`);
  for (const { fields } of announcements) {
    assert.deepEqual([...fields.keys()].sort(), ["id", "implied_port", "info_hash", "port", "token"]);
  }
  const [id, ...others] = idsOf(dht.received);
  assert.deepEqual(others, []);
  dht.received.length = 0;
  dht.today++;
  dht.run(state, 10 * MINUTE_MS);
  const later = dht.received.filter(({ name }) => name === "announce_peer");
  assert.deepEqual(keysOf(later), new Set([encodeHex(dhtKey(NETWORK, TODAY + 1))]));
  assert.equal(idsOf(dht.received).length, 1);
  assert.notEqual(idsOf(dht.received)[0], id);
});

Deno.test("DhtState that misses nobody looks for nobody, and one that is no member announces nothing", () => {
  const dht = new FakeDht(new SeededRandom(3), 12);
  const content = newState(dht, { port: 51820, isLooking: () => false });
  dht.run(newState(dht, { port: 1 }), MINUTE_MS / 2, "198.51.100.1");
  dht.received.length = 0;
  assert.deepEqual(dht.run(content, 30 * MINUTE_MS), []);
  assert.deepEqual(keysOf(dht.received), new Set([encodeHex(dhtKey(NETWORK, TODAY))]));
  dht.received.length = 0;
  dht.run(newState(dht, { isLooking: () => false }), MINUTE_MS);
  assert.equal(dht.received.length, 0);
  dht.run(newState(dht), MINUTE_MS);
  assert(dht.received.every(({ name }) => name === "get_peers"));
});

Deno.test("DhtState sends at most 40 queries a second, and in 20 minutes few", () => {
  const dht = new FakeDht(new SeededRandom(4), 200);
  dht.run(newState(dht, { port: 51820 }), 20 * MINUTE_MS);
  const inOneSecond = dht.received.map(({ at }) =>
    dht.received.filter((other) => at <= other.at && other.at < at + 1_000)
  );
  assert(Math.max(...inOneSecond.map(({ length }) => length)) <= 41);
  assert(dht.received.length < 500, `${dht.received.length} queries`);
});

Deno.test("DhtState tries again within a minute when nobody answers, and asks each router once a walk", () => {
  const dht = new FakeDht(new SeededRandom(5), 2);
  dht.answer = () => undefined;
  const state = newState(dht, { port: 51820 });
  dht.run(state, 3_500);
  assert.equal(dht.received.length, 4);
  assert.equal(state.contacts, 0);
  dht.answer = (query, node) => dht.answerHonestly(query, node);
  dht.run(state, MINUTE_MS);
  assert.equal(state.contacts, 2);
});

Deno.test("DhtState takes no answer from elsewhere, with another transaction id, or to no question", () => {
  const dht = new FakeDht(new SeededRandom(6), 4);
  const forged = [compact(endpointOf("203.0.113.1:1"))];
  const state = newState(dht);
  dht.answer = ({ transaction, to }, node) => {
    const body = { id: node.id, values: forged };
    const other = Uint8Array.from(transaction, (byte) => byte ^ 1);
    state.handleDatagram(dht.now, responseTo(transaction, body), endpointOf("203.0.113.9:6881"));
    state.handleDatagram(dht.now, responseTo(other, body), endpointOf(to));
    return undefined;
  };
  assert.deepEqual(dht.run(state, 5_000), []);
  assert.equal(state.drops.get("dht-unasked"), 2 * dht.received.length);
});

Deno.test("DhtState.handleDatagram() drops random bytes, and answers no query", () => {
  const dht = new FakeDht(new SeededRandom(7), 4);
  const random = new SeededRandom(8);
  const state = newState(dht);
  dht.answer = () => randomBytes(random, 60);
  assert.deepEqual(dht.run(state, 5_000), []);
  assert(state.drops.get("dht-malformed") >= 4);
  const query = bytesOf(`d1:ad2:id20:${"a".repeat(20)}e1:q4:ping1:t2:aa1:y1:qe`);
  dht.received.length = 0;
  state.handleDatagram(dht.now, query, endpointOf("203.0.113.9:6881"));
  assert.equal(state.drops.get("dht-query"), 1);
  assert.equal(state.pollTransmit(), undefined);
});

Deno.test("DhtState takes 8 places of one node and 32 of a walk, and none on its own host from elsewhere", () => {
  const dht = new FakeDht(new SeededRandom(9), 12);
  dht.answer = ({ transaction }, node) => {
    const number = Number(`${node.endpoint}`.split(/[.:]/)[3]);
    const many = Array.from({ length: 100 }, (_, i) => Uint8Array.of(203, 0, 113, number, 1, i));
    const near = [compact(endpointOf("127.0.0.1:22")), compact(endpointOf("169.254.0.1:22"))];
    const values = number === 1 ? near : many;
    const nodes = concatBytes(...dht.nodes.map(({ id, endpoint }) => concatBytes(id, compact(endpoint))));
    return responseTo(transaction, { id: node.id, nodes, values });
  };
  const found = dht.run(newState(dht), 1_200);
  const today = found.slice(0, 32);
  assert.equal(found.length, 64, "32 of each day");
  assert(!found.some((place) => /^(127|169)/.test(place)));
  const bySource = Map.groupBy(today, (place) => place.split(":")[0]);
  assert.deepEqual([...bySource.values()].map(({ length }) => length), [8, 8, 8, 8]);
});

Deno.test("DhtState ends a walk that false answers lead astray", () => {
  const dht = new FakeDht(new SeededRandom(10), 2);
  let hostile = 0;
  const state = newState(dht);
  const lead: Answer = ({ transaction, fields }, node) => {
    const target = fields.get("info_hash") as Uint8Array;
    const nearer = Array.from({ length: 16 }, () => {
      hostile++;
      const id = target.slice();
      id[19] = hostile & 0xff;
      return concatBytes(id, Uint8Array.of(203, 0, hostile >> 8 & 0xff, hostile & 0xff, 1, 1));
    });
    return responseTo(transaction, { id: node.id, nodes: concatBytes(...nearer) });
  };
  dht.answer = lead;
  dht.run(state, 8 * MINUTE_MS / 60);
  assert(dht.received.length <= 2 * 64, `${dht.received.length} queries`);
  assert(dht.received.length > 2);
});

Deno.test("DhtState throws on ports out of range", () => {
  const dht = new FakeDht(new SeededRandom(1), 1);
  for (const port of [0, 65536, 1.5]) assert.throws(() => newState(dht, { port }), RangeError);
  assert.throws(() => newState(dht, { networkId: "no" }), RangeError);
});

Deno.test("dhtKey() changes with the day and the network, and with nothing else", () => {
  const keys = [
    dhtKey(NETWORK, 20_778),
    dhtKey(NETWORK, 20_779),
    dhtKey(NETWORK.replace("0f", "10"), 20_778),
  ].map(encodeHex);
  assert.equal(new Set(keys).size, 3);
  assert(keys.every((key) => key.length === 40));
  assert.equal(encodeHex(dhtKey(NETWORK, 20_778)), keys[0]);
});

Deno.test("dhtKey() refuses what is no network's id and no day", () => {
  for (const id of ["", "00", `${NETWORK}00`, "x".repeat(32)]) {
    assert.throws(() => dhtKey(id, 1), RangeError);
  }
  assert.throws(() => dhtKey(NETWORK, 0.5), RangeError);
});
