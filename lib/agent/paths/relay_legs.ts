/**
 * The legs of relayed sessions that this node uses: a relay hears of where this node is by a bind, and its answer makes the
 * leg a path. Where no bind is answered, because UDP does not get there, the link to the relay carries the datagrams.
 * @module
 */

import { encodeHex, type Millis, repeat } from "../../base/mod.ts";
import type { NodeId, RelayLeg } from "../../mesh/mod.ts";
import { Endpoint, PATH_ID_AT, PATH_ID_BYTES } from "../../net/mod.ts";
import type { Path } from "../../path/mod.ts";
import { echoOf, encodeBind, type LegKey, LegSecret, openBound } from "../../relay/mod.ts";
import type { Carrier } from "../carriers/mod.ts";
import type { LegTaker } from "./introductions.ts";
import type { OfferedLeg } from "./path_reporter.ts";
import type { PathContext, PathHelper, PathPlane, PathWatch } from "./path_watch.ts";

/** How often legs are looked after, and those that begin. */
const LOOK_MS = 250;
const LOOK_SOON_MS = 50;
/** Binds until there is an answer, in milliseconds after the leg was taken. */
const FIRST_BINDS_MS: readonly number[] = [0, 250, 750, 1_500, 3_000, 6_000];
/** A NAT forgets after 30 s at the earliest (RFC 4787 §4.3), a relay after two minutes. */
const REBIND_MS = 15_000;
/** An answer that does not come is asked for again so soon, and so often. */
const RETRY_MS = 700;
const MAX_UNANSWERED = 4;
/** So long after packets have found a direct path the leg is let go. */
const LINGER_MS = 60_000;
/**
 * UDP that has answered nothing for so long is waited for no more: a stream begins beside it. Where a round trip takes
 * longer, that was in vain, and the stream ends as soon as UDP answers.
 */
const UDP_PATIENCE_MS = 300;
/** While a stream carries, it is looked so often whether UDP has come to pass. */
const BIND_BESIDE_STREAM_MS = 120_000;
/** A stream that was refused is asked for again after so long. */
const STREAM_PAUSE_MS = 5_000;
/** Addresses of one relay that are tried. */
const MAX_RELAY_ADDRESSES = 4;
/** Legs to one member, and in all. */
const MAX_LEGS_OF_MEMBER = 3;
const MAX_LEGS = 1_024;

/** Carries datagrams over streams of links. */
export interface StreamCarriers {
  /** @returns a way to `target` over the link to `via`, which may be the same; undefined when there is none */
  open(via: NodeId, target: NodeId): Promise<Pick<Carrier, "endpoint" | "closed" | "close"> | undefined>;
  /** Whether the link to a member leads through a proxy. */
  isByProxy(nodeId: NodeId): boolean;
}

interface Leg {
  readonly via: NodeId;
  readonly member: NodeId;
  readonly key: LegKey;
  readonly port: number;
  /** When the first of its binds went, here or at the place that this host is now. */
  takenAt: Millis;
  binds: number;
  boundAt: Endpoint | undefined;
  lastBindAt: Millis;
  unanswered: number;
  hasStream: boolean;
  /** One that was refused is not asked for again before. */
  streamAt: number;
  dropAt: number;
}

/** What legs are made of. */
export interface RelayLegsParts extends PathContext {
  readonly plane: PathPlane;
  readonly paths: PathWatch;
  readonly carriers: StreamCarriers | undefined;
}

/** Takes legs, binds them, and lets them go. */
export class RelayLegs implements LegTaker, PathHelper {
  readonly #parts: RelayLegsParts;
  /** By the id of the leg. */
  readonly #legs = new Map<string, Leg>();
  /** Members whose own links carry datagrams, and since when they are wanted. */
  readonly #direct = new Map<NodeId, { readonly since: Millis; hasStream: boolean }>();
  readonly #chosen = new Map<NodeId, "direct" | "relay" | "carrier" | undefined>();
  /** Those that are open, by relay and member. */
  readonly #streams = new Map<string, Pick<Carrier, "close">>();
  /** Calls off the look after what begins, while there is one to come. */
  #soon: (() => void) | undefined;
  #counter = 0;
  #cancel: () => void = () => {};

  constructor(parts: RelayLegsParts) {
    this.#parts = parts;
  }

  start(): void {
    const look = { intervalMs: LOOK_MS, problem: "cannot look after relayed paths" };
    this.#cancel = repeat(this.#parts, look, () => this.#look());
  }

  close(): void {
    this.#cancel();
    this.#soon?.();
    for (const id of [...this.#legs.keys()]) this.#drop(id);
    for (const member of [...this.#direct.keys()]) this.#dropStream(member);
  }

  take(via: NodeId, member: NodeId, { port, id, secret }: RelayLeg): void {
    const { clock, plane } = this.#parts;
    const key = encodeHex(id);
    const known = this.#legs.get(key);
    const now = clock.now();
    // The direct path may have been quicker than the introduction.
    const dropAt = this.#chosen.get(member) === "direct" ? now + LINGER_MS : Infinity;
    if (known !== undefined) {
      known.dropAt = dropAt;
      return;
    }
    const ofMember = [...this.#legs].filter(([, leg]) => leg.member === member);
    const replaced = ofMember.find(([, leg]) => leg.via === via) ??
      (ofMember.length >= MAX_LEGS_OF_MEMBER ? ofMember[0] : undefined);
    if (replaced !== undefined) this.#drop(replaced[0]);
    if (this.#legs.size >= MAX_LEGS) return;
    this.#legs.set(key, {
      via,
      member,
      key: { id, secret: LegSecret.fromBytes(secret) },
      port,
      takenAt: now,
      binds: 0,
      boundAt: undefined,
      lastBindAt: now,
      unanswered: 0,
      hasStream: false,
      streamAt: 0,
      dropAt,
    });
    plane.changeProbeIds({ add: [key] });
    this.#look();
  }

  /** Takes the answer of a relay. */
  handleBound(datagram: Uint8Array, source: Endpoint): void {
    const { paths, plane } = this.#parts;
    const id = datagram.subarray(PATH_ID_AT, PATH_ID_AT + PATH_ID_BYTES);
    const leg = this.#legs.get(encodeHex(id));
    if (leg === undefined || openBound(datagram, leg.key) === undefined) return;
    if (!this.#endpointsOf(leg).some((endpoint) => endpoint.equals(source))) return;
    leg.unanswered = 0;
    // Until it is repeated the relay sends little: the bind might have come from anybody's address.
    const echo = echoOf(datagram);
    if (echo !== undefined) {
      // Lost, it is asked for again as any bind is.
      leg.lastBindAt = this.#parts.clock.now();
      leg.unanswered++;
      plane.sendProbe(encodeBind("bind", leg.key, this.#nextCounter(), echo), source);
    }
    if (leg.boundAt?.equals(source)) return;
    leg.boundAt = source;
    const { via, member } = leg;
    paths.setCandidates(member, `relay ${via}`, [{ endpoint: source, kind: "relay", via }]);
    paths.want(member);
    // UDP gets there, but what the relay has for this node would go on coming by the stream.
    if (leg.hasStream) this.#closeStream(via, member);
  }

  /** This host is somewhere else: relays have to hear of it before anything comes through them. */
  handleMove(): void {
    for (const leg of this.#legs.values()) this.#bindAnew(leg);
  }

  /** @returns what relays have given this node for a member */
  offered(member: NodeId): readonly OfferedLeg[] {
    return [...this.#legs.values()].filter((leg) => leg.member === member)
      .map(({ via, boundAt }) => ({ via, isBound: boundAt !== undefined }));
  }

  handleUnreached(nodeId: NodeId): void {
    const { clock, carriers } = this.#parts;
    // Where a leg led there, UDP may have ceased to get as far as the relay.
    for (const leg of this.#legs.values()) {
      if (leg.member === nodeId && leg.boundAt !== undefined && !leg.hasStream) this.#bindAnew(leg);
    }
    if (carriers === undefined || this.#direct.has(nodeId)) return;
    this.#direct.set(nodeId, { since: clock.now(), hasStream: false });
    this.#lookSoon();
  }

  handleChosen(nodeId: NodeId, kind: "direct" | "relay" | "carrier" | undefined): void {
    this.#chosen.set(nodeId, kind);
    const dropAt = kind === "direct" ? this.#parts.clock.now() + LINGER_MS : Infinity;
    for (const leg of this.#legs.values()) if (leg.member === nodeId) leg.dropAt = dropAt;
    if (kind === "direct" || kind === "relay") this.#dropStream(nodeId);
    // The legs that it has given wait for no answer any more.
    else if (kind === "carrier") this.#look();
  }

  #look(): void {
    const { clock, mesh: { roster } } = this.#parts;
    const now = clock.now();
    let isBeginning = false;
    for (const member of this.#chosen.keys()) {
      if (roster.get(member) === undefined) this.#chosen.delete(member);
    }
    for (const [id, leg] of this.#legs) {
      const isGone = roster.get(leg.member) === undefined || roster.get(leg.via) === undefined;
      if (isGone || now >= leg.dropAt) {
        this.#drop(id);
        continue;
      }
      if (leg.boundAt === undefined) this.#begin(now, id, leg);
      else this.#keep(now, id, leg);
      isBeginning ||= leg.boundAt === undefined && now - leg.takenAt < UDP_PATIENCE_MS;
    }
    for (const [member, direct] of this.#direct) {
      if (roster.get(member) === undefined) this.#dropStream(member);
      else if (!direct.hasStream) {
        if (now - direct.since < this.#patienceMs(now, member)) isBeginning = true;
        else if (this.#chosen.get(member) !== undefined) this.#direct.delete(member);
        else {
          direct.hasStream = true;
          void this.#openStream(member, member);
        }
      }
    }
    if (isBeginning) this.#lookSoon();
  }

  #lookSoon(): void {
    this.#soon ??= this.#parts.timers.setTimer(LOOK_SOON_MS, () => {
      this.#soon = undefined;
      this.#look();
    });
  }

  #begin(now: Millis, id: string, leg: Leg): void {
    const dueMs = FIRST_BINDS_MS[leg.binds];
    if (dueMs === undefined) {
      const isOver = !leg.hasStream && now >= leg.streamAt && now - leg.lastBindAt > REBIND_MS;
      if (isOver) return this.#drop(id);
      if (leg.hasStream && now - leg.lastBindAt >= BIND_BESIDE_STREAM_MS) this.#bind(leg);
    } else if (now - leg.takenAt >= dueMs) this.#bind(leg);
    if (leg.hasStream || now < leg.streamAt) return;
    if (now - leg.takenAt < this.#patienceMs(now, leg.via)) return;
    leg.hasStream = true;
    void this.#openStream(leg.via, leg.member);
  }

  #keep(now: Millis, id: string, leg: Leg): void {
    const pauseMs = leg.unanswered > 0 ? RETRY_MS : REBIND_MS;
    if (now - leg.lastBindAt < pauseMs) return;
    if (leg.unanswered >= MAX_UNANSWERED) this.#drop(id);
    else this.#bind(leg);
  }

  #bind(leg: Leg): void {
    const { clock, plane } = this.#parts;
    leg.lastBindAt = clock.now();
    leg.binds++;
    leg.unanswered++;
    const datagram = encodeBind("bind", leg.key, this.#nextCounter());
    const endpoints = leg.boundAt === undefined ? this.#endpointsOf(leg) : [leg.boundAt];
    for (const endpoint of endpoints) plane.sendProbe(datagram, endpoint);
  }

  /** As a leg that was just taken; its path is left only when another one answers. */
  #bindAnew(leg: Leg): void {
    leg.boundAt = undefined;
    leg.unanswered = leg.binds = 0;
    leg.takenAt = this.#parts.clock.now();
    leg.streamAt = 0;
    this.#bind(leg);
    this.#lookSoon();
  }

  /** @returns how long UDP to a member is waited for; 0 where it is known not to get there, though the member is there */
  #patienceMs(now: Millis, member: NodeId): number {
    const { carriers, paths } = this.#parts;
    if (this.#chosen.get(member) === "carrier" || carriers?.isByProxy(member)) return 0;
    const direct = paths.prober.paths(member)?.all.filter(({ kind }) => kind === "direct") ?? [];
    const isAsked = ({ askedSince = now }: Path) => now - askedSince >= UDP_PATIENCE_MS;
    return direct.some(isAsked) && !direct.some((path) => path.isUp(now)) ? 0 : UDP_PATIENCE_MS;
  }

  /** Higher each time, also after a restart. */
  #nextCounter(): number {
    return this.#counter = Math.max(this.#counter + 1, this.#parts.clock.wall());
  }

  /** Where packets find the relay comes first. */
  #endpointsOf({ via, port }: Leg): Endpoint[] {
    const { mesh: { roster }, endpoints, paths } = this.#parts;
    const relay = roster.get(via);
    if (relay === undefined) return [];
    const chosen = paths.prober.paths(via)?.chosen;
    const known = [
      ...chosen?.kind === "direct" ? [chosen.endpoint] : [],
      ...endpoints.tunnelEndpoints(relay),
    ];
    const found = new Map<string, Endpoint>();
    for (const { address, zone } of known) {
      if (found.size < MAX_RELAY_ADDRESSES) {
        found.set(address.toString(), new Endpoint(address, port, { zone }));
      }
    }
    return [...found.values()];
  }

  async #openStream(via: NodeId, member: NodeId): Promise<void> {
    const { carriers, paths, log } = this.#parts;
    const key = `${via} ${member}`;
    try {
      const carrier = await carriers?.open(via, member);
      if (carrier === undefined) return this.#noteStreamEnd(via, member);
      if (!this.#isStreamWanted(via, member)) {
        carrier.close();
        this.#reclaim(via, member);
        return this.#noteStreamEnd(via, member);
      }
      this.#streams.set(key, carrier);
      paths.setCandidates(member, `carrier ${via}`, [{ endpoint: carrier.endpoint, kind: "carrier", via }]);
      paths.want(member);
      await carrier.closed;
      if (this.#streams.get(key) === carrier) this.#streams.delete(key);
    } catch (error) {
      log.debug("cannot carry packets over a link", { via, member, error });
    }
    this.#noteStreamEnd(via, member);
  }

  #isStreamWanted(via: NodeId, member: NodeId): boolean {
    if (via === member) return this.#direct.get(member)?.hasStream ?? false;
    return this.#legsBy(via, member).some((leg) => leg.hasStream && leg.boundAt === undefined);
  }

  /** It may be tried again. */
  #noteStreamEnd(via: NodeId, member: NodeId): void {
    this.#parts.paths.setCandidates(member, `carrier ${via}`, []);
    if (via === member) this.#direct.delete(member);
    for (const leg of this.#legsBy(via, member)) {
      leg.hasStream = false;
      leg.streamAt = this.#parts.clock.now() + STREAM_PAUSE_MS;
    }
  }

  #dropStream(member: NodeId): void {
    const direct = this.#direct.get(member);
    this.#direct.delete(member);
    if (direct?.hasStream) this.#closeStream(member, member);
    for (const leg of this.#legs.values()) {
      if (leg.member === member && leg.hasStream) this.#closeStream(leg.via, member);
    }
  }

  #closeStream(via: NodeId, member: NodeId): void {
    this.#streams.get(`${via} ${member}`)?.close();
    this.#reclaim(via, member);
    this.#noteStreamEnd(via, member);
  }

  /** The leg is whose bind came last, which may have been that of the stream. */
  #reclaim(via: NodeId, member: NodeId): void {
    for (const leg of this.#legsBy(via, member)) if (leg.boundAt !== undefined) this.#bind(leg);
  }

  #legsBy(via: NodeId, member: NodeId): Leg[] {
    return [...this.#legs.values()].filter((leg) => leg.via === via && leg.member === member);
  }

  #drop(id: string): void {
    const { plane, paths } = this.#parts;
    const leg = this.#legs.get(id);
    if (leg === undefined) return;
    this.#legs.delete(id);
    plane.changeProbeIds({ remove: [id] });
    paths.setCandidates(leg.member, `relay ${leg.via}`, []);
    if (leg.hasStream) this.#closeStream(leg.via, leg.member);
  }
}
