/**
 * The way that packets take to each member: candidates are gathered, probed through the packet plane's socket, and the
 * plane is told which one to use.
 *
 * ```
 *   roster, discovery ─┐                            ┌─▶ setPath, setPathMtu ─▶ packet plane
 *   Introductions ─────┼─▶ candidates ─▶ PathProber ┤
 *   RelayLegs, carriers┘        ▲                   └─▶ "unreached" ─▶ Introductions
 *                               └─ probes, traffic ◀──── packet plane
 * ```
 *
 * @module
 */

import { DeadlineTimer, repeat } from "../../base/mod.ts";
import type { AgentOptions } from "../../config/mod.ts";
import type { Member, NodeId, NodeIdentity, Replica, Roster, RosterEvent } from "../../mesh/mod.ts";
import type { PublicKey } from "../../crypto/mod.ts";
import { type Endpoint, PATH_KIND, PATH_MAGIC } from "../../net/mod.ts";
import { type Candidate, type PathEvent, PathProber } from "../../path/mod.ts";
import type { DeviceEvent, PeerStatus } from "../../wireguard/mod.ts";
import type { AgentContext } from "../agent_context.ts";
import type { EndpointSelector } from "../endpoint_selector.ts";
import { OwnCandidates } from "./own_candidates.ts";
import { innerMtuBytes, wantedPayloadBytes } from "./path_mtu.ts";

/** How often it is looked with whom packets were exchanged. */
const LOOK_MS = 250;
/** The source of the candidates that a member's own statement and discovery name. */
const STATED = "stated";

/** What the packet plane does for paths. */
export interface PathPlane {
  sendProbe(datagram: Uint8Array, endpoint: Endpoint): void;
  changeProbeIds(change: { readonly add?: readonly string[]; readonly remove?: readonly string[] }): void;
  setPath(publicKey: PublicKey, endpoint: Endpoint | undefined): void;
  setPathMtu(publicKey: PublicKey, innerMtuBytes: number | undefined): void;
  peerStatuses(): readonly PeerStatus[];
}

/** Who helps to find a path. */
export interface PathHelper {
  /** Nothing direct works to a member; called again from time to time while that is so. */
  handleUnreached?(nodeId: NodeId): void;
  /** Packets take a direct path now, or another one, or none is known. */
  handleChosen?(nodeId: NodeId, kind: Candidate["kind"] | undefined): void;
  /** Somebody is a member now to whom there may be paths. */
  handleMember?(nodeId: NodeId): void;
  /** A relay answers. */
  handleBound?(datagram: Uint8Array, source: Endpoint): void;
  /** A server of STUN answers. */
  handleStun?(datagram: Uint8Array, source: Endpoint): void;
  /** This host's addresses have changed. */
  handleMove?(): void;
}

/** Who is a member, and who this node is. */
export interface PathMesh {
  readonly identity: Pick<NodeIdentity, "id" | "privateKey">;
  readonly roster: Pick<Roster, "get" | "members" | "byPublicKey">;
  readonly replica: Pick<Replica, "subscribe">;
}

/** What all of this works with. */
export interface PathContext extends Pick<AgentContext, "clock" | "timers" | "log"> {
  readonly mesh: PathMesh;
  readonly endpoints: Pick<
    EndpointSelector,
    "isOverMesh" | "own" | "pathCandidates" | "tunnelEndpoints" | "worthATry"
  >;
}

/** What the watch works with. */
export interface PathWatchParts extends PathContext {
  readonly options: Pick<AgentOptions, "mtuBytes">;
  readonly plane: PathPlane;
}

/** Keeps the paths to all members. */
export class PathWatch {
  readonly prober: PathProber;
  /** Where this node itself may be reached, as it knows and as others see it. */
  readonly own: OwnCandidates;
  readonly #parts: PathWatchParts;
  readonly #timer: DeadlineTimer;
  readonly #resources = new DisposableStack();
  readonly #traffic = new Map<string, { tx: number; rx: number }>();
  readonly #helpers: PathHelper[] = [];
  #isClosed = false;

  constructor(parts: PathWatchParts) {
    this.#parts = parts;
    const { mesh: { identity, roster }, options: { mtuBytes }, clock } = parts;
    this.prober = new PathProber({
      privateKey: identity.privateKey,
      wantedBytes: wantedPayloadBytes(mtuBytes),
      wall: () => clock.wall(),
    });
    this.own = new OwnCandidates(parts.endpoints, (nodeId) => roster.get(nodeId) !== undefined);
    this.#timer = new DeadlineTimer(parts, () => {
      this.prober.handleTimeout(clock.now());
      this.#advance();
    });
  }

  /** Is told what happens, after the plane. */
  addHelper(helper: PathHelper): void {
    this.#helpers.push(helper);
  }

  start(): void {
    const { mesh: { replica, roster } } = this.#parts;
    this.#resources.defer(
      replica.subscribe({ handleRosterEvent: (event) => this.#handleRosterEvent(event) }),
    );
    // What was exchanged before this began is no news.
    for (const { publicKey, txBytes, rxBytes } of this.#parts.plane.peerStatuses()) {
      const nodeId = roster.byPublicKey(publicKey)?.record.nodeId;
      if (nodeId !== undefined) this.#traffic.set(nodeId, { tx: txBytes, rx: rxBytes });
    }
    for (const member of roster.members()) this.#follow(member);
    // They introduce others, and tell this node where they see it.
    for (const { record } of roster.members()) {
      if (record.roles.includes("leader")) this.prober.want(this.#parts.clock.now(), record.nodeId);
    }
    const look = { intervalMs: LOOK_MS, problem: "cannot look after the paths" };
    this.#resources.defer(repeat(this.#parts, look, () => this.#look()));
    this.#advance();
  }

  close(): void {
    this.#isClosed = true;
    this.#resources.dispose();
    this.#timer.set(undefined);
    // Whoever goes on with this plane finds it as it was: packets go where WireGuard hears them come from.
    for (const { record } of this.#parts.mesh.roster.members()) this.#remove(record.nodeId, record.publicKey);
  }

  /** Takes a datagram of the path protocol, or an answer of STUN, from the packet plane. */
  handleProbe(datagram: Uint8Array, source: Endpoint): void {
    if (this.#isClosed) return;
    // What came through the mesh shows no way to carry it.
    if (this.#parts.endpoints.isOverMesh(source.address)) return;
    if (datagram[0] !== PATH_MAGIC) {
      for (const helper of this.#helpers) helper.handleStun?.(datagram, source);
      return;
    }
    if (datagram[1] === PATH_KIND.BOUND) {
      for (const helper of this.#helpers) helper.handleBound?.(datagram, source);
      return;
    }
    this.prober.handleDatagram(this.#parts.clock.now(), datagram, source);
    this.#advance();
  }

  /** Follows what happens to a session: who is wanted, is looked for at once. */
  handleDeviceEvent(event: DeviceEvent): void {
    if (event.kind !== "handshake-retry" && event.kind !== "session-wanted") return;
    const member = this.#parts.mesh.roster.byPublicKey(event.peer);
    if (member !== undefined) this.want(member.record.nodeId);
  }

  /** Somebody wants to send to a member. */
  want(nodeId: NodeId): void {
    this.prober.want(this.#parts.clock.now(), nodeId);
    this.#advance();
  }

  /** This host's addresses have changed. */
  handleMove(): void {
    this.own.forget();
    // Others are near now, and what is asked first goes from the new address.
    for (const member of this.#parts.mesh.roster.members()) this.#follow(member);
    for (const helper of this.#helpers) helper.handleMove?.();
    this.prober.handleMove(this.#parts.clock.now());
    this.#advance();
  }

  /** Discovery has found a member, or what it states of itself means something else now. */
  followMember(nodeId: NodeId): void {
    const member = this.#parts.mesh.roster.get(nodeId);
    if (member !== undefined) this.#follow(member);
  }

  /** Takes what `source` says of where a member is, as far as it is worth a try; what it said before counts no more. */
  setCandidates(nodeId: NodeId, source: string, candidates: readonly Candidate[]): void {
    this.prober.setCandidates(this.#parts.clock.now(), nodeId, source, candidates);
    this.#advance();
  }

  /** Takes what another member says of where a member is. */
  addHearsay(nodeId: NodeId, from: NodeId, candidates: readonly Candidate[]): void {
    this.prober.addHearsay(this.#parts.clock.now(), nodeId, from, candidates);
    this.#advance();
  }

  #handleRosterEvent(event: RosterEvent): void {
    if (event.kind === "stated-again") return;
    const { roster, identity } = this.#parts.mesh;
    const member = roster.get(event.nodeId);
    if (event.nodeId === identity.id) return;
    if (event.kind === "member-removed" || member === undefined) {
      this.prober.forgetHearsay(this.#parts.clock.now(), event.nodeId);
      this.#remove(event.nodeId, event.publicKey);
      this.#advance();
    } else this.#follow(member);
  }

  #follow(member: Member): void {
    const { mesh: { identity }, plane, clock, endpoints } = this.#parts;
    const { record, statement } = member;
    if (record.nodeId === identity.id) return;
    // Devices without weft know nothing of probes, and members without a packet plane have nowhere to take them.
    if (record.verifyingKey === undefined || statement?.isRootless) {
      return this.#remove(record.nodeId, record.publicKey);
    }
    const now = clock.now();
    const isNew = this.prober.paths(record.nodeId) === undefined;
    const id = this.prober.add(now, record.nodeId, record.publicKey);
    if (id === undefined) return;
    if (isNew) plane.changeProbeIds({ add: [id] });
    this.prober.setCandidates(now, record.nodeId, STATED, endpoints.pathCandidates(member));
    this.#advance();
    if (isNew) { for (const helper of this.#helpers) helper.handleMember?.(record.nodeId); }
  }

  #remove(nodeId: NodeId, publicKey: PublicKey): void {
    const { plane } = this.#parts;
    const id = this.prober.remove(nodeId);
    this.#traffic.delete(nodeId);
    if (id === undefined) return;
    plane.changeProbeIds({ remove: [id] });
    plane.setPath(publicKey, undefined);
    plane.setPathMtu(publicKey, undefined);
  }

  /** Who was sent to, and who was heard. */
  #look(): void {
    const { mesh: { roster }, plane, clock } = this.#parts;
    const now = clock.now();
    for (const { publicKey, txBytes, rxBytes, source } of plane.peerStatuses()) {
      const nodeId = roster.byPublicKey(publicKey)?.record.nodeId;
      if (nodeId === undefined) continue;
      let known = this.#traffic.get(nodeId);
      if (known === undefined) this.#traffic.set(nodeId, known = { tx: 0, rx: 0 });
      const sentBytes = Math.max(0, txBytes - known.tx);
      const receivedBytes = Math.max(0, rxBytes - known.rx);
      known.tx = txBytes;
      known.rx = rxBytes;
      if (sentBytes + receivedBytes > 0) {
        this.prober.noteTraffic(now, nodeId, { sentBytes, receivedBytes, source });
      }
    }
    this.#advance();
  }

  /** Sends what is to be sent, tells what has changed, and waits for what comes next. */
  #advance(): void {
    if (this.#isClosed) return;
    const { plane } = this.#parts;
    for (let out = this.prober.pollTransmit(); out !== undefined; out = this.prober.pollTransmit()) {
      plane.sendProbe(out.datagram, out.endpoint);
    }
    for (let event = this.prober.pollEvent(); event !== undefined; event = this.prober.pollEvent()) {
      this.#obey(event);
    }
    this.#timer.set(this.prober.pollTimeout());
  }

  #obey(event: PathEvent): void {
    const { mesh: { roster }, plane, log, options } = this.#parts;
    const nodeId = event.member as NodeId;
    const record = roster.get(nodeId)?.record;
    if (record === undefined) return;
    if (event.kind === "seen") return this.own.note(nodeId, event.at);
    if (event.kind === "unreached") {
      for (const helper of this.#helpers) helper.handleUnreached?.(nodeId);
      return;
    }
    const { path } = event;
    plane.setPathMtu(record.publicKey, path && innerMtuBytes(path.mtu.payloadBytes, options.mtuBytes));
    if (event.kind === "mtu") return;
    plane.setPath(record.publicKey, path?.endpoint);
    log.debug("path chosen", {
      peer: record.name,
      kind: path?.kind ?? "none",
      at: path?.endpoint.toString(),
    });
    for (const helper of this.#helpers) helper.handleChosen?.(nodeId, path?.kind);
  }
}
