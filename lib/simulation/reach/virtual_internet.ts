/**
 * Nodes at all kinds of places in one process, under a virtual clock: NATs, firewalls, relays and leaders, with the very
 * parts that a node finds its paths by.
 * @module
 */

import { Introductions, type PathContext, type PathMessage, PathWatch, RelayLegs } from "../../agent/mod.ts";
import {
  millis,
  randomUint32,
  SeededRandom,
  silentLogger,
  VirtualClock,
  VirtualTimers,
} from "../../base/mod.ts";
import { PrivateKey, type PublicKey } from "../../crypto/mod.ts";
import type { Member, NodeId } from "../../mesh/mod.ts";
import { Endpoint, PATH_KIND } from "../../net/mod.ts";
import { RelaySessions, RelaySwitch, type SwitchLeg } from "../../relay/mod.ts";
import type { PlaceKind } from "./places.ts";

const PORT = 51_820;
/** One way, in milliseconds; up to so much more by chance. */
const DELAY_MS = 8;
const JITTER_MS = 8;

/** One node. */
export class VirtualNode {
  readonly id: NodeId;
  readonly kind: PlaceKind;
  readonly privateKey: PrivateKey;
  readonly isLeader: boolean;
  readonly inside: Endpoint;
  readonly outsideAddress: string;
  readonly watch: PathWatch;
  readonly introductions: Introductions;
  readonly legs: RelayLegs;
  /** Where the plane was told to send to, by member. */
  readonly chosen: Map<string, string> = new Map();
  /** When packets to a member first had a path, and first a direct one, in virtual milliseconds. */
  readonly firstAt: Map<string, number> = new Map();
  readonly directAt: Map<string, number> = new Map();
  /** The streams that this node wanted to carry its packets; it gets none. */
  /** Whether its links lead through a proxy. */
  isByProxy = false;
  readonly askedStreams: { readonly via: NodeId; readonly target: NodeId }[] = [];
  /** By destination, or one for all. */
  readonly #mappings = new Map<string, number>();
  readonly #sentTo = new Set<string>();
  readonly #internet: VirtualInternet;

  constructor(internet: VirtualInternet, number: number, kind: PlaceKind, isLeader: boolean) {
    this.#internet = internet;
    this.kind = kind;
    this.isLeader = isLeader;
    this.id = number.toString(16).padStart(32, "0") as NodeId;
    this.privateKey = PrivateKey.generate(internet.random);
    const [high, low] = [number >> 8, number & 255];
    this.outsideAddress = kind === "same-lan" ? "203.0.0.1" : `198.${18 + (high >> 8)}.${high & 255}.${low}`;
    const isGlobal = kind === "open" || kind === "firewall";
    const insideAddress = kind === "same-lan"
      ? `192.168.${high}.${low}`
      : isGlobal
      ? this.outsideAddress
      : `10.0.0.2`;
    this.inside = endpoint(`${insideAddress}:${PORT}`);
    const context = internet.contextOf(this);
    const plane = {
      sendProbe: (datagram: Uint8Array, to: Endpoint) => internet.send(this, datagram, to),
      changeProbeIds: () => {},
      setPath: (publicKey: PublicKey, to: Endpoint | undefined) => {
        const member = internet.byKey.get(publicKey.toString());
        if (member !== undefined) this.#note(member, to);
      },
      setPathMtu: () => {},
      peerStatuses: () => [],
    };
    const paths = this.watch = new PathWatch({ ...context, options: { mtuBytes: 1_420 }, plane });
    const carriers = {
      open: (via: NodeId, target: NodeId) => {
        this.askedStreams.push({ via, target });
        return Promise.resolve(undefined);
      },
      isByProxy: () => this.isByProxy,
    };
    this.legs = new RelayLegs({ ...context, plane, paths, carriers });
    this.introductions = new Introductions({
      ...context,
      paths,
      legs: this.legs,
      elected: () => internet.leaders[0]?.id,
      relay: isLeader ? { open: (a, b) => internet.openRelay(this, a, b) } : undefined,
      messages: {
        links: {
          get: (nodeId) => internet.linksOf(this).find(({ id }) => id === nodeId),
          all: () => internet.linksOf(this).map(({ id }) => ({ nodeId: id })),
        },
        send: (nodeId, message) => {
          internet.post(this, nodeId, message as PathMessage);
          return Promise.resolve(true);
        },
      },
    });
    paths.addHelper(this.introductions);
    paths.addHelper(this.legs);
  }

  start(): void {
    this.watch.start();
    this.legs.start();
  }

  /** Translates what goes out. @returns the source that others see */
  outgoing(to: Endpoint): string {
    const isSymmetric = this.kind === "symmetric-nat";
    this.#sentTo.add(to.toString()).add(to.address.toString());
    if (this.kind === "open" || this.kind === "firewall") return this.inside.toString();
    const key = isSymmetric ? to.toString() : "";
    let port = this.#mappings.get(key);
    if (port === undefined) {
      const { random, outside } = this.#internet;
      do port = 20_000 + randomUint32(random) % 40_000; while (outside.has(`${this.outsideAddress}:${port}`));
      this.#mappings.set(key, port);
      outside.set(`${this.outsideAddress}:${port}`, this);
    }
    return `${this.outsideAddress}:${port}`;
  }

  /** @returns whether what comes from outside is let in at this port */
  lets(from: Endpoint, at: string): boolean {
    if (this.kind === "open") return true;
    if (this.kind === "cone-nat") return this.#sentTo.has(from.address.toString());
    if (this.kind === "symmetric-nat") {
      const port = this.#mappings.get(from.toString());
      return port !== undefined && at === `${this.outsideAddress}:${port}`;
    }
    return this.#sentTo.has(from.toString());
  }

  #note(member: string, to: Endpoint | undefined): void {
    const now = this.#internet.clock.now();
    if (to === undefined) return void this.chosen.delete(member);
    this.chosen.set(member, to.toString());
    if (!this.firstAt.has(member)) this.firstAt.set(member, now);
    const isDirect = this.watch.prober.paths(member)?.chosen?.kind === "direct";
    if (isDirect && !this.directAt.has(member)) this.directAt.set(member, now);
  }
}

/** All of them, and what is between them. */
export class VirtualInternet {
  readonly clock: VirtualClock = new VirtualClock();
  readonly timers: VirtualTimers = new VirtualTimers(this.clock);
  readonly random: SeededRandom;
  readonly nodes: VirtualNode[] = [];
  readonly leaders: VirtualNode[] = [];
  readonly byKey: Map<string, NodeId> = new Map();
  /** Who has an endpoint outside. */
  readonly outside: Map<string, VirtualNode> = new Map();
  /** The part of datagrams that is lost. */
  loss = 0;
  readonly #byId = new Map<string, VirtualNode>();
  readonly #knows = new Map<string, Set<VirtualNode>>();
  readonly #legs = new Map<string, SwitchLeg<Endpoint>>();
  readonly #relays = new Map<string, { sessions: RelaySessions; switch: RelaySwitch<Endpoint> }>();
  readonly #down = new Set<string>();
  readonly #withoutUdp = new Set<string>();
  /** When binds were sent, in virtual milliseconds. */
  readonly #binds: number[] = [];
  #nextPort = 40_000;

  constructor(seed: number) {
    this.random = new SeededRandom(seed);
  }

  /** Adds a node; leaders are linked to everybody. */
  add(kind: PlaceKind, isLeader = false): VirtualNode {
    const node = new VirtualNode(this, this.nodes.length + 1, kind, isLeader);
    this.nodes.push(node);
    this.#byId.set(node.id, node);
    this.byKey.set(node.privateKey.publicKey.toString(), node.id);
    if (kind === "open" || kind === "firewall") this.outside.set(node.inside.toString(), node);
    if (isLeader) {
      this.leaders.push(node);
      const sessions = new RelaySessions(this.random, { perMember: 1_000, total: 100_000, idleMs: 120_000 });
      const rates = { totalBytesPerSecond: Infinity, sessionBytesPerSecond: Infinity };
      this.#relays.set(node.id, { sessions, switch: new RelaySwitch(rates, this.random) });
    }
    return node;
  }

  /** Has both know of each other as members. */
  acquaint(a: VirtualNode, b: VirtualNode): void {
    for (const [one, other] of [[a, b], [b, a]] as const) {
      const known = this.#knows.get(one.id) ?? new Set();
      this.#knows.set(one.id, known.add(other));
      one.watch.followMember(other.id);
    }
  }

  /** Nothing comes from or to a node any more. */
  takeDown(node: VirtualNode): void {
    this.#down.add(node.id);
    for (const known of this.#knows.values()) known.delete(node);
  }

  /** No datagram comes from or to a node any more; its links live on. */
  blockUdp(node: VirtualNode): void {
    this.#withoutUdp.add(node.id);
  }

  /** Lets `ms` pass. */
  run(ms: number): void {
    this.timers.advance(ms);
  }

  /** @returns how many binds were sent lately */
  bindsInLast(ms: number): number {
    return this.#binds.filter((at) => this.clock.now() - at <= ms).length;
  }

  linksOf(node: VirtualNode): readonly VirtualNode[] {
    const known = [...this.#knows.get(node.id) ?? []];
    return known.filter((other) => (node.isLeader || other.isLeader) && !this.#down.has(other.id));
  }

  contextOf(node: VirtualNode): PathContext {
    const get = (nodeId: NodeId): Member | undefined => {
      const other = this.#byId.get(nodeId);
      return other !== undefined && this.#knows.get(node.id)?.has(other) ? memberOf(other) : undefined;
    };
    const stated = ({ record }: Member): Endpoint[] => {
      const other = this.#byId.get(record.nodeId);
      // Another one's private address is an address of nobody's here, unless both are in one network.
      return other === undefined ? [] : [other.inside];
    };
    return {
      clock: this.clock,
      timers: this.timers,
      log: silentLogger,
      mesh: {
        identity: { id: node.id, privateKey: node.privateKey },
        roster: {
          get,
          members: () => [...this.#knows.get(node.id) ?? []].map(memberOf),
          byPublicKey: (key) => {
            const id = this.byKey.get(key.toString());
            return id && get(id);
          },
        },
        replica: { subscribe: () => () => {} },
      },
      endpoints: {
        isOverMesh: () => false,
        own: () => ({ endpoints: [node.inside], channelEndpoints: [], labels: {} }),
        tunnelEndpoints: stated,
        pathCandidates: (member) => stated(member).map((at) => ({ endpoint: at, kind: "direct" as const })),
        worthATry: (list) => list.filter((each) => !each.equals(node.inside)),
      },
    };
  }

  post(from: VirtualNode, to: NodeId, message: PathMessage): void {
    const receiver = this.#byId.get(to);
    if (receiver === undefined || this.#down.has(to) || this.#down.has(from.id)) return;
    this.timers.setTimer(this.#delayMs(), () => receiver.introductions.handleMessage(from.id, message));
  }

  send(from: VirtualNode, datagram: Uint8Array, to: Endpoint): void {
    if (this.#down.has(from.id) || this.#withoutUdp.has(from.id)) return;
    if (datagram[1] === PATH_KIND.BIND) this.#binds.push(this.clock.now());
    if (from.kind === "same-lan" && to.address.toString().startsWith("192.168.")) {
      const near = this.nodes.find(({ kind, inside }) => kind === "same-lan" && inside.equals(to));
      if (near !== undefined) this.#later(() => this.#receive(near, datagram, from.inside.toString()));
      return;
    }
    const source = from.outgoing(to);
    this.#later(() => this.#arrive(datagram, source, to));
  }

  openRelay(relay: VirtualNode, a: NodeId, b: NodeId): ReturnType<RelaySessions["open"]> {
    const parts = this.#relays.get(relay.id);
    if (parts === undefined) return "not-relaying";
    return parts.sessions.open(a, b, this.clock.now(), (keys) => {
      const ports = keys.map(() => this.#nextPort++) as [number, number];
      const ends = ports.map((port) => endpoint(`${relay.outsideAddress}:${port}`));
      const [first, second] = ends;
      if (first === undefined || second === undefined) return undefined;
      const session = parts.switch.open([[keys[0], first], [keys[1], second]]);
      this.#legs.set(first.toString(), session.a);
      this.#legs.set(second.toString(), session.b);
      return {
        a: ports[0],
        b: ports[1],
        activity: () => ({
          datagrams: session.carriedDatagrams,
          bytes: session.carriedBytes,
          binds: session.binds,
        }),
        close: () => {},
      };
    });
  }

  #arrive(datagram: Uint8Array, from: string, to: Endpoint): void {
    const leg = this.#legs.get(to.toString());
    if (leg !== undefined) return this.#relay(leg, datagram, endpoint(from));
    const node = this.outside.get(to.toString());
    if (node !== undefined && node.lets(endpoint(from), to.toString())) this.#receive(node, datagram, from);
  }

  #relay(leg: SwitchLeg<Endpoint>, datagram: Uint8Array, from: Endpoint): void {
    const relay = this.leaders.find(({ outsideAddress }) => outsideAddress === leg.port.address.toString());
    const judge = relay && this.#relays.get(relay.id)?.switch;
    if (relay === undefined || judge === undefined || this.#down.has(relay.id)) return;
    const verdict = judge.judge(this.clock.now(), leg, from, datagram, 0, datagram.length);
    const reply = verdict === "bound" ? judge.answer : datagram;
    const [at, to] = verdict === "bound" ? [leg.port, from] : [leg.other.port, leg.other.source];
    if (verdict === "dropped" || to === undefined) return;
    this.#later(() => this.#arrive(reply, at.toString(), to));
  }

  #receive(node: VirtualNode, datagram: Uint8Array, from: string): void {
    if (this.#down.has(node.id) || this.#withoutUdp.has(node.id)) return;
    node.watch.handleProbe(datagram, endpoint(from));
  }

  #later(act: () => void): void {
    if (randomUint32(this.random) / 2 ** 32 < this.loss) return;
    this.timers.setTimer(this.#delayMs(), act);
  }

  #delayMs(): number {
    return millis(DELAY_MS + randomUint32(this.random) % JITTER_MS);
  }
}

function memberOf(node: VirtualNode): Member {
  const record = {
    nodeId: node.id,
    name: node.id,
    publicKey: node.privateKey.publicKey,
    verifyingKey: {},
    roles: node.isLeader ? ["member", "leader"] : ["member"],
  };
  return { record, statement: undefined } as unknown as Member;
}

function endpoint(text: string): Endpoint {
  const parsed = Endpoint.parse(text);
  if (parsed === undefined) throw new Error(`${text} is no endpoint`);
  return parsed;
}
