/**
 * A member that was let in by a token and keeps to no rule: it has weft's own library, signs what it likes with its own
 * key, and says it to whom it likes. Only for targets inside a test.
 * @module
 */

import { MemoryStateStore, unixMillis } from "../../../lib/base/mod.ts";
import { type Channel, openChannel } from "../../../lib/channel/mod.ts";
import { PresharedKey, type PublicKey } from "../../../lib/crypto/mod.ts";
import { systemClock, systemRandom, systemTimers } from "../../../lib/host/mod.ts";
import { IpAllocator } from "../../../lib/ipam/mod.ts";
import {
  decodeMeshMessage,
  encodeHello,
  encodeJoinRequest,
  encodeMeshMessage,
  JoinToken,
  type KeyRotation,
  type MemberAnswer,
  type MemberRequest,
  MESH_TOPIC,
  type MeshMessage,
  MeshState,
  NO_UPDATE,
  type NodeIdentity,
  type ReplicaUpdate,
  type Signed,
} from "../../../lib/mesh/mod.ts";
import { signEntry } from "../../../lib/mesh/records/mod.ts";
import { Endpoint } from "../../../lib/net/mod.ts";
import { dialTcp } from "../../../lib/transport/mod.ts";

/** The topic of what nodes say to each other about services. */
const SERVICE_TOPIC = "service";
const PATIENCE_MS = 1_500;
const HOUR_MS = 3_600_000;
const HOST = { random: systemRandom, clock: systemClock };

/** Whom it talks to. */
export interface Target {
  readonly publicKey: PublicKey;
  /** `address:port` of the message plane. */
  readonly endpoint: string;
}

/** One of them, with links to everybody it was told of. */
export class MaliciousMember implements AsyncDisposable {
  readonly mesh: MeshState;
  /** Whether it waits until what it has sent was handled. */
  isPatient = true;
  /** What it was sent on the topic `mesh`, of each target the last hundred. */
  readonly heard: MeshMessage[] = [];
  readonly #channels = new Map<string, Channel>();
  readonly #answers = new Map<number, (answer: MemberAnswer) => void>();
  #lastNumber = 0;

  private constructor(mesh: MeshState) {
    this.mesh = mesh;
  }

  /** Joins as `name`, whatever that is. @returns undefined when it was refused */
  static async join(text: string, leader: Target, name: string): Promise<MaliciousMember | undefined> {
    const token = parseToken(text);
    const store = new MemoryStateStore();
    const identity = MeshState.prepareJoin(store, systemRandom);
    const message = await askToJoin(token, leader, identity, name);
    if (message?.kind !== "admitted") return undefined;
    const options = { ...HOST, addressPool: (cidr: MeshState["cidr"]) => new IpAllocator(cidr) };
    const mesh = MeshState.completeJoin(store, { ...options, admitted: message.admitted, token });
    if (!(mesh instanceof MeshState)) throw new Error(mesh.problem);
    return new MaliciousMember(mesh);
  }

  /** Asks to be let in with the keys that it has. @returns what it was answered */
  async joinAgain(text: string, leader: Target, name: string): Promise<MeshMessage["kind"] | undefined> {
    return (await askToJoin(parseToken(text), leader, this.mesh.identity, name))?.kind;
  }

  /** Goes on under the keys that it was just given. @returns whether its replica knows them */
  async goOn(target: Target, { publicKey }: KeyRotation): Promise<boolean> {
    const channel = this.#channels.get(target.publicKey.toString());
    for (const message of this.heard) {
      if (message.kind === "response" && message.answer.kind === "done" && message.answer.update) {
        this.mesh.replica.merge(message.answer.update);
      }
    }
    if (this.mesh.adoptRotation() === undefined) return false;
    channel?.close();
    await channel?.closed;
    this.#channels.clear();
    return this.mesh.identity.publicKey.equals(publicKey);
  }

  get id(): string {
    return this.mesh.identity.id;
  }

  /** Opens a link, or the one that it has. @throws ChannelRefusedError when it is no member any more */
  async link(target: Target): Promise<Channel> {
    const key = target.publicKey.toString();
    const known = this.#channels.get(key);
    if (known?.isOpen) return known;
    const { identity, network } = this.mesh;
    const channel = await open(target, {
      localStatic: identity.privateKey,
      presharedKey: PresharedKey.none(),
      hello: encodeHello({ kind: "member", networkId: network.id, nodeId: identity.id }),
    });
    this.#channels.set(key, channel);
    // What others are told, it does not want to hear.
    channel.attach(SERVICE_TOPIC, () => {});
    void this.#read(channel);
    return channel;
  }

  /** Sends one message of the mesh. */
  async say(target: Target, message: MeshMessage): Promise<void> {
    const channel = await this.link(target);
    await this.#send(channel, MESH_TOPIC, encodeMeshMessage(message));
  }

  /** Tells somebody what has changed, as it says. */
  async tell(target: Target, update: Partial<ReplicaUpdate>): Promise<void> {
    await this.say(target, { kind: "roster-update", update: { ...NO_UPDATE, ...update } });
  }

  /** Asks somebody for something. @returns the answer, or undefined when there is none in 1.5 s */
  async ask(target: Target, request: MemberRequest): Promise<MemberAnswer | undefined> {
    const number = ++this.#lastNumber;
    const { promise, resolve } = Promise.withResolvers<MemberAnswer | undefined>();
    this.#answers.set(number, resolve);
    const timer = setTimeout(() => resolve(undefined), PATIENCE_MS);
    try {
      await this.say(target, { kind: "request", number, request });
      return await promise;
    } finally {
      clearTimeout(timer);
      this.#answers.delete(number);
    }
  }

  /** Sends one message about services. */
  async post(target: Target, bytes: Uint8Array): Promise<void> {
    const channel = await this.link(target);
    await this.#send(channel, SERVICE_TOPIC, bytes);
  }

  /** Signs an entry as its own, whatever is in it. */
  entry(kind: string, key: string, body: Uint8Array, version: number = systemClock.wall()): Signed {
    const { identity, network } = this.mesh;
    const issuedAt = systemClock.wall();
    return signEntry({
      networkId: network.id,
      origin: identity.id,
      kind,
      key,
      version,
      issuedAt,
      expiresAt: unixMillis(issuedAt + HOUR_MS),
      isDeleted: false,
      body,
    }, identity.signingKey);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const channel of this.#channels.values()) {
      channel.close();
      await channel.closed;
    }
  }

  async #send(channel: Channel, topic: string, body: Uint8Array): Promise<void> {
    if (!await channel.send({ topic, body })) throw new Error("The link has ended");
    if (this.isPatient) await Promise.race([channel.ping(), channel.closed]).catch(() => {});
  }

  async #read(channel: Channel): Promise<void> {
    for (let message = await channel.receive(); message !== undefined; message = await channel.receive()) {
      const decoded = message.topic === MESH_TOPIC ? decodeMeshMessage(message.body) : undefined;
      if (decoded === undefined) continue;
      if (decoded.kind === "response") this.#answers.get(decoded.number)?.(decoded.answer);
      this.heard.push(decoded);
      if (this.heard.length > 100) this.heard.shift();
    }
  }
}

function parseToken(text: string): JoinToken {
  const token = JoinToken.parse(text);
  if (token instanceof JoinToken) return token;
  throw new TypeError(token.problem);
}

async function askToJoin(
  token: JoinToken,
  leader: Target,
  identity: NodeIdentity,
  name: string,
): Promise<MeshMessage | undefined> {
  const hello = encodeHello({ kind: "join", tokenId: token.tokenId });
  const options = { localStatic: identity.privateKey, presharedKey: token.presharedKey, hello };
  const channel = await open(leader, options);
  try {
    const own = { name, labels: { role: "admin" }, endpoints: [], channelEndpoints: [] };
    const body = encodeJoinRequest(identity, token, { ...own, clock: systemClock });
    await channel.send({ topic: MESH_TOPIC, body });
    const answer = await channel.receive();
    return answer && decodeMeshMessage(answer.body);
  } finally {
    channel.close();
  }
}

async function open(
  { publicKey, endpoint }: Target,
  options: Pick<Parameters<typeof openChannel>[1], "localStatic" | "presharedKey" | "hello">,
): Promise<Channel> {
  const at = Endpoint.parse(endpoint);
  const stream = at && await dialTcp(at, { timeoutMs: PATIENCE_MS });
  if (stream === undefined) throw new Error(`Nobody answers at ${endpoint}`);
  return await openChannel(stream, { ...options, ...HOST, timers: systemTimers, remoteStatic: publicKey });
}
