import assert from "node:assert/strict";
import { encodeHex } from "../../lib/base/mod.ts";
import { dhtKey } from "../../lib/discovery/mod.ts";
import { type BencodeValue, decodeBencode, encodeBencode } from "../../lib/discovery/bencode.ts";
import { type AgentOptionsInput, OverlayBootstrap } from "../../mod.ts";
import { createScratch, freePort, waitFor } from "../lab/mod.ts";
import { DhtNodes } from "../lab/nodes/dht_nodes.ts";

const FOUND_WITHIN_MS = 8_000;
const DAY_MS = 86_400_000;

/** Options of a node on the loopback that has nothing but the DHT to find others by. */
function byDht(
  folder: string,
  name: string,
  bootstrap: readonly string[],
  more: AgentOptionsInput = {},
): AgentOptionsInput {
  const port = freePort();
  return {
    name,
    port,
    endpoints: `127.0.0.1:${port}`,
    rootless: true,
    discovery: false,
    discoveryDht: true,
    discoveryDhtBootstrap: bootstrap.join(","),
    stateDir: `${folder}/${name}`,
    ...more,
  };
}

/** One node of a DHT that keeps what it is sent. */
class RecordingNode implements AsyncDisposable {
  readonly received: Uint8Array[] = [];
  readonly #socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  readonly #ended: Promise<void>;

  /** @param answer what it says to a query, by its transaction id */
  constructor(answer: (transaction: Uint8Array) => readonly Uint8Array[]) {
    this.#ended = this.#serve(answer);
  }

  get endpoint(): string {
    return `127.0.0.1:${(this.#socket.addr as Deno.NetAddr).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.close();
    await this.#ended;
  }

  async #serve(answer: (transaction: Uint8Array) => readonly Uint8Array[]): Promise<void> {
    for await (const [datagram, from] of this.#socket) {
      this.received.push(datagram.slice());
      const transaction = dictionary(decodeBencode(datagram)).get("t");
      assert(transaction instanceof Uint8Array);
      for (const datagram of answer(transaction)) await this.#socket.send(datagram, from);
    }
  }
}

function dictionary(value: BencodeValue | undefined): ReadonlyMap<string, BencodeValue> {
  assert(value instanceof Map);
  return value;
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function response(t: Uint8Array, body: Readonly<Record<string, BencodeValue>>): Uint8Array {
  const r = new Map(Object.entries({ id: new Uint8Array(20).fill(1), ...body }));
  return encodeBencode(new Map<string, BencodeValue>([["t", t], ["y", utf8("r")], ["r", r]]));
}

function tokenWithoutEndpoints(leader: OverlayBootstrap): string {
  return leader.control.createToken({ lifetimeMs: 60_000, withoutEndpoints: true }).token;
}

/** Until another implementation finds it as well. */
async function untilAnnounced(dht: DhtNodes, key: string, port: AgentOptionsInput["port"]): Promise<void> {
  const isThere = async (): Promise<boolean> => (await dht.lookup(key)).has(`127.0.0.1:${port}`);
  await waitFor(async () => await isThere() || undefined, FOUND_WITHIN_MS, { what: "it is announced" });
}

async function untilLinked(node: OverlayBootstrap): Promise<void> {
  const isLinked = (): boolean => node.control.status().peers[0]?.channel === "open";
  await waitFor(() => isLinked() || undefined, FOUND_WITHIN_MS, { what: "its link is open" });
}

Deno.test("weft up --discovery-dht: a joiner finds the leader, and members that both have moved find each other", async () => {
  await using dht = await DhtNodes.start(4);
  await using scratch = await createScratch("dht");
  const { endpoints } = dht;
  const options = (name: string) => byDht(scratch.path, name, endpoints.slice(0, 2));
  const leaderOptions = options("leader");
  const leader = await OverlayBootstrap.initLeader(leaderOptions);
  await leader.start();
  const key = encodeHex(dhtKey(leader.networkId, Math.floor(Date.now() / DAY_MS)));
  await untilAnnounced(dht, key, leaderOptions.port);
  const token = tokenWithoutEndpoints(leader);
  const startedAt = performance.now();
  const member = await OverlayBootstrap.join(token, options("member"));
  await member.start();
  await untilLinked(member);
  report(`joined in ${Math.round(performance.now() - startedAt)} ms`);

  await Promise.all([leader.stop(), member.stop()]);

  const movedAt = performance.now();
  const elsewhere = options("leader");
  const moved = [await OverlayBootstrap.load(elsewhere), await OverlayBootstrap.load(options("member"))];
  await moved[0]?.start();
  await untilAnnounced(dht, key, elsewhere.port);
  await moved[1]?.start();
  await Promise.all(moved.map(untilLinked));
  report(`found after the move in ${Math.round(performance.now() - movedAt)} ms`);
  const contacts = (): number => moved[1]?.control.status().dht?.contacts ?? 0;
  await waitFor(() => contacts() > 0 || undefined, FOUND_WITHIN_MS, { what: "nodes of the DHT are counted" });
  for (const node of moved) await node.stop();
});

Deno.test("weft up --discovery-dht: a node publishes an opaque id and its port, and nothing else", async () => {
  await using scratch = await createScratch("dht-published");
  const token = new Uint8Array(8).fill(5);
  await using recorder = new RecordingNode((t) => [response(t, { nodes: new Uint8Array(0), token })]);
  const options = byDht(scratch.path, "secretive", [recorder.endpoint]);
  const leader = await OverlayBootstrap.initLeader(options);
  await leader.start();
  const asked = (name: string): ReadonlyMap<string, BencodeValue>[] =>
    recorder.received.map((datagram) => dictionary(decodeBencode(datagram)))
      .filter((message) => encodeHex(message.get("q") as Uint8Array) === encodeHex(utf8(name)));
  await waitFor(() => asked("announce_peer").length > 0 || undefined, FOUND_WITHIN_MS, {
    what: "it announces",
  });
  const { node, network } = leader.control.status();
  await leader.stop();

  const today = dhtKey(network.id, Math.floor(Date.now() / DAY_MS));
  const [announcement] = asked("announce_peer");
  assert.deepEqual([...announcement?.keys() ?? []].sort(), ["a", "q", "ro", "t", "y"]);
  const said = dictionary(announcement?.get("a"));
  assert.deepEqual([...said.keys()].sort(), ["id", "implied_port", "info_hash", "port", "token"]);
  assert.deepEqual(said.get("info_hash"), today);
  assert.equal(said.get("port"), options.port);
  assert.deepEqual(said.get("token"), token);
  for (const message of asked("get_peers")) {
    assert.deepEqual([...dictionary(message.get("a")).keys()].sort(), ["id", "info_hash"]);
  }
  assert.equal(asked("get_peers").length + asked("announce_peer").length, recorder.received.length);
  const everything = recorder.received.map(encodeHex).join(" ");
  const publicKey = encodeHex(Uint8Array.fromBase64(node.publicKey));
  for (const secret of [network.id, node.id, publicKey, encodeHex(utf8(node.name))]) {
    assert(!everything.includes(secret), `${secret} is told`);
  }
});

Deno.test("weft up without --discovery-dht sends the DHT not one datagram, also not as a joiner that finds nobody", async (test) => {
  await using scratch = await createScratch("dht-off");
  await using recorder = new RecordingNode((t) => [response(t, {})]);
  const listenDatagram = Deno.listenDatagram;
  let sockets = 0;
  Deno.listenDatagram = ((options: Parameters<typeof listenDatagram>[0]) => {
    sockets++;
    return listenDatagram(options);
  }) as typeof listenDatagram;
  try {
    for (const discoveryDht of [false, true]) {
      await test.step(discoveryDht ? "with it some are" : "without it none is", async () => {
        const folder = `${scratch.path}/${discoveryDht}`;
        const bootstrap = [recorder.endpoint];
        const leader = await OverlayBootstrap.initLeader(
          byDht(folder, "leader", bootstrap, { discoveryDht }),
        );
        await leader.start();
        const joiner = OverlayBootstrap.join(
          tokenWithoutEndpoints(leader),
          byDht(folder, "joiner", bootstrap, { discoveryDht: false }),
        );
        await assert.rejects(joiner, { code: "Unreachable" });
        if (discoveryDht) {
          await waitFor(() => recorder.received.length > 0 || undefined, 5_000, { what: "it asks" });
        }
        await leader.stop();
        assert.equal(sockets > 0, discoveryDht);
        assert.equal(recorder.received.length > 0, discoveryDht);
      });
    }
  } finally {
    Deno.listenDatagram = listenDatagram;
  }
});

Deno.test("weft up --discovery-dht: hostile nodes of the DHT, and strangers under the network's key, only cost time", async () => {
  await using dht = await DhtNodes.start(3);
  await using scratch = await createScratch("dht-hostile");
  const silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const lies = Array.from({ length: 150 }, (_, i) => Uint8Array.of(127, 0, 0, 2 + i, 1, 1));
  await using hostile = new RecordingNode((t) => [
    crypto.getRandomValues(new Uint8Array(300)),
    utf8("d".repeat(1_500)),
    response(Uint8Array.from(t, (byte) => ~byte), { values: lies }),
    response(t.subarray(0, 2), { values: lies }),
    response(t, { values: lies, nodes: new Uint8Array(26 * 8).fill(127) }),
    response(t, { values: lies }),
  ]);
  const bootstrap = [hostile.endpoint, ...dht.endpoints.slice(0, 2)];
  const options = byDht(scratch.path, "leader", bootstrap);
  const leader = await OverlayBootstrap.initLeader(options);
  await leader.start();
  const key = encodeHex(dhtKey(leader.networkId, Math.floor(Date.now() / DAY_MS)));
  await untilAnnounced(dht, key, options.port);
  await dht.announce(key, silent.addr.port);
  const member = await OverlayBootstrap.join(
    tokenWithoutEndpoints(leader),
    byDht(scratch.path, "member", bootstrap),
  );
  await member.start();
  await untilLinked(member);
  const { drops } = leader.control.status();
  assert((drops["dht-malformed"] ?? 0) >= 3, JSON.stringify(drops));
  assert((drops["dht-unasked"] ?? 0) >= 2, JSON.stringify(drops));
  await Promise.all([leader.stop(), member.stop()]);
  silent.close();
});

function report(line: string): void {
  // deno-lint-ignore no-console -- the figures of this run
  console.log(line);
}
