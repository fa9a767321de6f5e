/**
 * A member of a network, by `docs/protocol`: it joins by a token, knows what the others know, offers a service and calls
 * those of others. It has the messages of `proto`, and nothing of weft.
 * @module
 */

import { ed25519, x25519 } from "@noble/curves/ed25519.js";
import { Channel } from "./channel.ts";
import { type Bytes, hash, joined, keyedHash } from "./noise.ts";
import { type Message, schemaOf } from "./protobuf.ts";

const mesh = schemaOf("mesh");
const services = schemaOf("service");
const ANSWER_BOUND_MS = 60_000;

/** What stands where in a `RosterUpdate`, and under which label it is signed. */
const SIGNED = {
  records: { type: "MemberRecord", label: "weft member record v1" },
  statements: { type: "NodeStatement", label: "weft node statement v1" },
  entries: { type: "StateEntry", label: "weft state entry v1" },
} as const;

/** One signed thing. */
interface Known {
  readonly origin: string;
  readonly slot: string;
  readonly payload: Bytes;
  readonly content: Message;
}

/** The keys that follow from one seed. */
class Keys {
  readonly x25519: Bytes;
  readonly ed25519: Bytes;
  readonly publicKey: Uint8Array;
  readonly verifyingKey: Uint8Array;
  readonly id: Bytes;

  constructor(seed: Uint8Array) {
    this.x25519 = keyedHash(seed, "weft node x25519 v1");
    this.ed25519 = keyedHash(seed, "weft node ed25519 v1");
    this.publicKey = x25519.getPublicKey(this.x25519);
    this.verifyingKey = ed25519.getPublicKey(this.ed25519);
    this.id = hash("weft node id v1", this.publicKey, this.verifyingKey).slice(0, 16);
  }

  sign(kind: keyof typeof SIGNED, content: Message): Message {
    const { type, label } = SIGNED[kind];
    const payload = mesh.encode(type, content);
    return { payload, signature: ed25519.sign(joined(label, payload), this.ed25519) };
  }
}

/** @returns what a join token says @throws Error when its checksum is wrong */
export function readToken(token: string): Message {
  const bytes = Uint8Array.fromBase64(token.slice("weft1-".length), { alphabet: "base64url" });
  const body = bytes.slice(0, -4);
  if (hash(body).slice(0, 4).join() !== bytes.slice(-4).join()) throw new Error("The checksum is wrong");
  return mesh.decode("JoinTokenBody", body);
}

/** What a service does, by the names of its actions. */
export type Actions = Readonly<Record<string, (params: Message) => unknown>>;

/** A member with one link, to its leader. Disposing it ends that. */
export class Member implements Disposable {
  /** Calls that others make, by path without a network. */
  readonly actions: Map<string, (params: Message) => unknown> = new Map();
  /** Topics and data of what others have published. */
  readonly events: (readonly [string, unknown])[] = [];
  readonly #keys: Keys;
  readonly #networkKey: Uint8Array;
  readonly #networkId: Uint8Array;
  readonly #known = new Map<string, Known>();
  readonly #run = Math.floor(Math.random() * Number.MAX_SAFE_INTEGER) + 1;
  readonly #pending = new Map<string, PromiseWithResolvers<Message>>();
  readonly #vectors: Message[] = [];
  #link: Channel | undefined;
  #number = 0;

  private constructor(keys: Keys, settings: Message) {
    this.#keys = keys;
    this.#networkKey = settings["verifying_key"];
    this.#networkId = hash("weft network id v1", this.#networkKey).slice(0, 16);
  }

  /** Joins a network whose leader is at a port of this machine. @throws Error when it is not let in */
  static async join(token: string, name: string): Promise<Member> {
    const { network_id, token_id, leader_public_key, endpoints, secret } = readToken(token);
    const keys = new Keys(crypto.getRandomValues(new Uint8Array(32)));
    const to = {
      port: Number(endpoints[0].split(":")[1]),
      privateKey: keys.x25519,
      remoteKey: leader_public_key,
    };
    const presharedKey = keyedHash(hash("weft token secret v1", secret), "weft join preshared key v1");
    const version = Date.now();
    const statement = keys.sign("statements", {
      node_id: keys.id,
      version,
      issued_at: version,
      rootless: true,
    });
    const { publicKey: public_key, verifyingKey: verifying_key } = keys;
    const request = { secret, name, public_key, verifying_key, statement };
    const answers: Message[] = [];
    {
      using channel = await Channel.open({ ...to, presharedKey, hello: { join: { token_id } } });
      await channel.say("mesh", mesh.encode("MeshMessage", { join_request: request }));
      for (
        let envelope = await channel.receive();
        envelope?.["payload"];
        envelope = await channel.receive()
      ) {
        answers.push(mesh.decode("MeshMessage", envelope["payload"].body));
      }
    }
    const admitted = answers[0]?.["join_response"]?.admitted;
    if (admitted === undefined) throw new Error(`Not admitted: ${JSON.stringify(answers)}`);
    const member = new Member(keys, admitted.settings);
    member.#take(admitted.roster);
    for (const { roster_update } of answers.slice(1)) member.#take(roster_update);
    const hello = { member: { network_id, node_id: keys.id } };
    member.#link = await Channel.open({ ...to, presharedKey: new Uint8Array(32), hello });
    void member.#serve(member.#link).catch((error) => member.#end(error));
    return member;
  }

  /** The record that the network has signed of it. */
  get record(): Message {
    return this.#get(this.#keys.id, "record");
  }

  /** Fingerprints of all that it knows, 64 of 8 bytes. */
  digest(): Bytes {
    const sorted = [...this.#known.entries()].sort(([a], [b]) => a < b ? -1 : 1);
    const parts = Array.from({ length: 64 }, (_, part) => {
      const inPart = sorted.filter(([, { origin }]) => parseInt(origin.slice(0, 2), 16) >> 2 === part);
      return hash(...inPart.map(([, { payload }]) => hash(payload).slice(0, 8))).slice(0, 8);
    });
    return joined(...parts);
  }

  /** Has the leader compare what both know. @returns the first vector that it answers with */
  async compare(fingerprints: Uint8Array): Promise<Message | undefined> {
    this.#vectors.length = 0;
    await this.#say({ digest: { fingerprints, wall_time: Date.now() } });
    // The leader answers in order.
    await this.call("$registry/list", null);
    return this.#vectors[0];
  }

  /** Asks the leader for a service path, and offers actions there; and listens. */
  async offer(path: string, actions: Actions, pattern: string): Promise<void> {
    const { done } = await this.#ask("m", (number) => this.#say({ request: { number, claim: { path } } }));
    if (done === undefined) throw new Error(`${path} was refused`);
    for (const [name, action] of Object.entries(actions)) this.actions.set(`${path}/${name}`, action);
    const offered = Object.keys(actions).map((name) => ({ name }));
    const service = { path, version: "1.0.0", state: 3, actions: offered };
    const body = services.encode("ServiceAdvert", {
      run: this.#run,
      services: [service],
      subscriptions: [{ pattern }],
    });
    const now = Date.now();
    const content = { network_id: this.#networkId, origin: this.#keys.id, kind: "service", key: "0", body };
    const entry = { ...content, version: now, issued_at: now, expires_at: now + 3_600_000 };
    const update = { entries: [this.#keys.sign("entries", entry)] };
    this.#take(update);
    await this.#say({ roster_update: update });
  }

  /** Calls an action of the leader. @returns its result @throws Error when it fails */
  async call(path: string, params: unknown): Promise<unknown> {
    const { result, failure } = await this.#ask("s", (number) => {
      const request = { number, caller_run: this.#run, path, params: valueOf(params), timeout_ms: 10_000 };
      return this.#speak({ request });
    });
    if (failure !== undefined) throw new Error(`${failure.code}: ${failure.message}`);
    return read(result);
  }

  /** Publishes an event to the leader. */
  publish(topic: string, data: unknown): Promise<void> {
    return this.#speak({ event: { topic, data: valueOf(data), published_at: Date.now() } });
  }

  /** Sends so many records that say nothing new. */
  async chatter(records: number): Promise<void> {
    for (let i = 0; i < records; i += 1_000) {
      await this.#link?.send(...Array.from({ length: 1_000 }, () => ({ pong: { number: 1 } })));
    }
  }

  [Symbol.dispose](): void {
    this.#link?.[Symbol.dispose]();
  }

  #get(origin: Uint8Array, slot: string): Message {
    return this.#known.get(`${origin.toHex()} ${slot}`)?.content ?? {};
  }

  /** Keeps what is new. @throws Error when a signature is false */
  #take(update: Message): void {
    for (const kind of Object.keys(SIGNED) as (keyof typeof SIGNED)[]) {
      for (const { payload, signature } of update[kind] ?? []) {
        const { type, label } = SIGNED[kind];
        const content = mesh.decode(type, payload);
        const origin: Uint8Array = content["origin"] ?? content["node_id"];
        const isNetworks = kind === "records" || origin.toHex() === this.#networkId.toHex();
        const key = isNetworks ? this.#networkKey : this.#get(origin, "record")["verifying_key"];
        if (!ed25519.verify(signature, joined(label, payload), key)) throw new Error("A signature is false");
        const slot = kind === "entries" ? `${content["kind"]}/${content["key"] ?? ""}` : kind.slice(0, -1);
        const name = `${origin.toHex()} ${slot}`;
        if ((this.#known.get(name)?.content["version"] ?? 0) > content["version"]) continue;
        this.#known.set(name, { origin: origin.toHex(), slot, payload, content });
      }
    }
  }

  /** Nothing is answered any more. */
  #end(error: unknown): void {
    for (const { reject } of this.#pending.values()) reject(error);
  }

  async #serve(link: Channel): Promise<void> {
    for (let envelope = await link.receive(); envelope !== undefined; envelope = await link.receive()) {
      const { topic, body } = envelope["payload"] ?? {};
      if (topic === "mesh") this.#handleMesh(mesh.decode("MeshMessage", body));
      else if (topic === "service") await this.#handleService(services.decode("NodeMessage", body));
    }
    this.#end(new Error("The link has ended"));
  }

  #handleMesh({ roster_update, vector, response }: Message): void {
    if (roster_update !== undefined) this.#take(roster_update);
    if (vector !== undefined) this.#vectors.push(vector);
    if (response !== undefined) this.#pending.get(`m${response.number}`)?.resolve(response);
    if (response?.done?.update !== undefined) this.#take(response.done.update);
  }

  async #handleService({ request, response, event }: Message): Promise<void> {
    if (response !== undefined) this.#pending.get(`s${response.number}`)?.resolve(response);
    if (event !== undefined) this.events.push([event.topic, read(event.data)]);
    if (request === undefined) return;
    const { number, caller_run, path, params } = request;
    const action = this.actions.get(path.replace(/^mesh:/, ""));
    const outcome = action === undefined
      ? { failure: { code: "UnknownAction", message: `${path} is not here` } }
      : { result: valueOf(action(read(params) as Message)) };
    await this.#speak({ response: { number, caller_run, ...outcome } });
  }

  #say(message: Message): Promise<void> {
    return this.#link?.say("mesh", mesh.encode("MeshMessage", message)) ?? Promise.resolve();
  }

  #speak(message: Message): Promise<void> {
    return this.#link?.say("service", services.encode("NodeMessage", message)) ?? Promise.resolve();
  }

  async #ask(plane: "m" | "s", send: (number: number) => Promise<void>): Promise<Message> {
    const number = ++this.#number;
    const answer = Promise.withResolvers<Message>();
    const timer = setTimeout(() => answer.reject(new Error("There is no answer")), ANSWER_BOUND_MS);
    this.#pending.set(`${plane}${number}`, answer);
    try {
      await send(number);
      return await answer.promise;
    } finally {
      clearTimeout(timer);
    }
  }
}

/** @returns a value in JSON */
function valueOf(value: unknown): Message {
  return { encoding: 1, data: joined(JSON.stringify(value)) };
}

function read(value: Message | undefined): unknown {
  return value?.["data"] === undefined ? undefined : JSON.parse(new TextDecoder().decode(value["data"]));
}
