/**
 * The health of every member, as this node sees it.
 * @module
 */

import { millis, sleep } from "../../base/mod.ts";
import type { PacketPlane } from "../../dataplane/mod.ts";
import {
  type HealthTarget,
  OverlayHealthChecker,
  type PeerHealth,
  type ProbeAnswer,
  SuspicionPolicy,
} from "../../health/mod.ts";
import type { Member, MemberRecord, NodeId } from "../../mesh/mod.ts";
import type { DeviceEvent } from "../../wireguard/mod.ts";
import type { AgentContext } from "../agent_context.ts";
import type { HealthEcho } from "./health_echo.ts";
import { type Link, linkPauseMs, type MessagePlane } from "../links/mod.ts";
import type { NameService } from "../names/mod.ts";

/** A tunnel that has never answered gets so long after the channel has. */
const GRACE_MS = 1_000;
/** How often it is checked whether there is a link for a probe. */
const LINK_LOOK_MS = 250;

/** How long a program of this host that asks whether a member is there waits. */
const REACH_TIMEOUT_MS = 5_000;

interface ProbeOptions {
  readonly timeoutMs: number;
  /** Whether a member without a link is dialled. */
  readonly dials: boolean;
}

interface HealthWatchParts extends AgentContext {
  readonly messages: MessagePlane;
  /** Absent without a packet plane. */
  readonly overlay: { readonly plane: PacketPlane; readonly echo: HealthEcho | undefined } | undefined;
  /** Services of unhealthy members have no names. */
  readonly names: NameService | undefined;
  /** This node's own probes miss a member. */
  onMissed(): void;
  /** A member answers again, or does not any more. */
  onVerdict(peer: PeerHealth): void;
}

/** Probes members through the tunnel, or by their channels where there is no tunnel, and keeps the verdicts. */
export class HealthWatch {
  readonly checker: OverlayHealthChecker;
  readonly #parts: HealthWatchParts;
  /** This node, which is no peer of itself. */
  readonly #self: NodeId;
  readonly #stop = new AbortController();
  /** Whose tunnel has worked: for them a channel that answers is no excuse. */
  readonly #hasTunnel = new Set<string>();
  /** The links as of the last round, and who has ever had one. */
  #links = new Map<string, Link>();
  readonly #hadLink = new Set<string>();
  readonly #suspicions: SuspicionPolicy;

  constructor(parts: HealthWatchParts) {
    this.#parts = parts;
    const { mesh: { roster, identity } } = parts;
    const self = this.#self = identity.id;
    const isPeer = (id: string): boolean => id !== self && roster.get(id as NodeId) !== undefined;
    this.#suspicions = new SuspicionPolicy({ self, isPeer });
    this.checker = new OverlayHealthChecker({
      ...parts,
      targets: () => this.#targets(),
      probe: async (target, timeoutMs) => {
        const member = roster.get(target.id as NodeId);
        return member && await this.probe(member, { timeoutMs, dials: false });
      },
    });
  }

  start(): void {
    const { log, names } = this.#parts;
    const wasHealthy = new Map<string, boolean>();
    const wasReached = new Set<string>();
    this.checker.run((peer) => {
      const { id, name, healthy, path, failureCount } = peer;
      const hasChanged = wasHealthy.has(id) && wasHealthy.get(id) !== healthy;
      wasHealthy.set(id, healthy);
      if (hasChanged) names?.services.followSoon();
      if (hasChanged) this.#parts.onVerdict(peer);
      const now = healthy ? (wasReached.has(id) ? "peer is back" : "peer is reached") : "peer is away";
      if (hasChanged) log.info(now, { peer: name, path, failureCount });
      if (healthy) wasReached.add(id);
      // A session that merely grew old proves nothing to others.
      if (!hasChanged || healthy || failureCount === 0) return;
      this.#broadcastSuspicion(id as NodeId);
      this.#parts.onMissed();
    }, this.#stop.signal);
  }

  close(): void {
    this.#stop.abort();
  }

  /** A member says that its own probes miss somebody: this node probes that member itself. */
  handleSuspicion(from: NodeId, about: NodeId): void {
    const { clock, log } = this.#parts;
    const suspect = this.#suspicions.handleSuspicion(clock.now(), from, about);
    if (suspect === undefined) return;
    log.debug("a member is missed by another", { member: suspect, from });
    this.checker.suspect(suspect);
  }

  /** @returns how many suspicions of others were not followed, by reason */
  drops(): Readonly<Record<string, number>> {
    return this.#suspicions.drops.snapshot();
  }

  /** Nobody answers a handshake: perhaps the member is gone. */
  handleDeviceEvent(event: DeviceEvent): void {
    if (event.kind !== "handshake-retry") return;
    const nodeId = this.#parts.mesh.roster.byPublicKey(event.peer)?.record.nodeId;
    if (nodeId !== undefined && this.checker.figures(nodeId)?.healthy) this.checker.suspect(nodeId);
  }

  /**
   * Asks a member for a sign of life, through the tunnel and over its channel at once.
   * @returns the tunnel's answer; the channel's when this node has no tunnel or the member never answered through one
   */
  async probe({ record, statement }: Member, options: ProbeOptions): Promise<ProbeAnswer | undefined> {
    const answer = await this.#within(
      options.timeoutMs,
      // Nothing is sent into a tunnel that the member says that it has not.
      (signal) =>
        statement?.isRootless
          ? this.#askChannel(record.nodeId, options.dials, signal).then((ms) => answered(ms, "channel"))
          : this.#askBothWays(record, options, signal),
    );
    if (answer?.path === "direct") this.#hasTunnel.add(record.nodeId);
    return answer;
  }

  /** Whether a tunnel to a member has worked since this node started, and the member has not taken it down since. */
  hasTunnel(nodeId: NodeId): boolean {
    return this.#hasTunnel.has(nodeId) && !this.#isRootless(nodeId);
  }

  /** Whether the last probe of a member came back by the tunnel. */
  tunnelIsUp(nodeId: NodeId): boolean {
    const figures = this.checker.figures(nodeId);
    return this.hasTunnel(nodeId) && figures !== undefined && figures.healthy && figures.path === "direct";
  }

  /** Asks over the link that there is. @returns milliseconds, or undefined when nothing came in time */
  async askLink(nodeId: NodeId, timeoutMs: number): Promise<number | undefined> {
    return await this.#within(timeoutMs, (signal) => this.#askChannel(nodeId, false, signal));
  }

  /** Asks over the link that there is. @returns the answer, or undefined when there is no link, or nothing came in time */
  async probeLink(nodeId: NodeId, timeoutMs: number): Promise<ProbeAnswer | undefined> {
    if (this.#parts.messages.links.get(nodeId) === undefined) return undefined;
    return answered(await this.askLink(nodeId, timeoutMs), "channel");
  }

  /** Asks over the channel, which is made if need be, unless the member is known to be away. @returns milliseconds */
  async reachChannel(nodeId: NodeId): Promise<number | undefined> {
    const isAway = this.checker.figures(nodeId)?.healthy === false;
    if (isAway && this.#parts.messages.links.get(nodeId) === undefined) return undefined;
    return await this.#within(REACH_TIMEOUT_MS, (signal) => this.#askChannel(nodeId, true, signal));
  }

  /** Asks through the tunnel. @returns milliseconds, or undefined when nothing came in time */
  async askTunnel(nodeId: NodeId, timeoutMs: number): Promise<number | undefined> {
    if (this.#isRootless(nodeId)) return undefined;
    const address = this.#parts.mesh.roster.get(nodeId)?.record.addresses[0];
    return address && await this.#parts.overlay?.echo?.ask(address, timeoutMs);
  }

  #isRootless(nodeId: NodeId): boolean {
    return this.#parts.mesh.roster.get(nodeId)?.statement?.isRootless ?? false;
  }

  #broadcastSuspicion(nodeId: NodeId): void {
    const { clock, messages } = this.#parts;
    if (this.#suspicions.shouldAnnounce(clock.now(), nodeId)) {
      messages.broadcast({ kind: "suspicion", nodeId });
    }
  }

  /** Asks with a signal that fires after `timeoutMs`, at the end of this watch, and once there is an answer. */
  async #within<T>(timeoutMs: number, ask: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const over = new AbortController();
    const cancelTimer = this.#parts.timers.setTimer(timeoutMs, () => over.abort());
    return await ask(AbortSignal.any([over.signal, this.#stop.signal])).finally(() => {
      cancelTimer();
      over.abort();
    });
  }

  async #askBothWays(
    { nodeId, addresses: [address] }: MemberRecord,
    options: ProbeOptions,
    signal: AbortSignal,
  ): Promise<ProbeAnswer | undefined> {
    const { overlay, timers } = this.#parts;
    const echo = overlay?.echo;
    const byChannel = this.#askChannel(nodeId, options.dials, signal).then((rttMs) =>
      answered(rttMs, "channel")
    );
    if (echo === undefined || !echo.isOpen || address === undefined) return await byChannel;
    const byTunnel = echo.ask(address, options.timeoutMs).then((rttMs) => answered(rttMs, "direct"));
    if (this.#hasTunnel.has(nodeId)) return await byTunnel;
    const byChannelAtLast = byChannel.then(async (answer) => {
      if (answer === undefined) return await byTunnel;
      await sleep(timers, GRACE_MS, signal);
      return answer;
    });
    return await Promise.race([byTunnel, byChannelAtLast]) ?? await byChannel;
  }

  async #askChannel(nodeId: NodeId, dials: boolean, signal: AbortSignal): Promise<number | undefined> {
    const { messages, timers } = this.#parts;
    if (dials) return await messages.ping(nodeId);
    let link = messages.links.get(nodeId);
    // One that has just broken may be on its way back.
    for (; link === undefined && !signal.aborted; link = messages.links.get(nodeId)) {
      await sleep(timers, LINK_LOOK_MS, signal);
    }
    const { promise: tooLate, resolve } = Promise.withResolvers<undefined>();
    if (signal.aborted) return undefined;
    signal.addEventListener("abort", () => resolve(undefined));
    return await Promise.race([link?.channel.ping(), tooLate]);
  }

  #targets(): HealthTarget[] {
    const { mesh: { roster }, overlay } = this.#parts;
    const sessions = new Map(
      overlay?.plane.peerStatuses().map((status) => [status.publicKey.toString(), status]),
    );
    const others = roster.members().filter(({ record }) => record.nodeId !== this.#self);
    this.#followLinks();
    const isMember = (id: string): boolean => roster.get(id as NodeId) !== undefined;
    for (const known of [this.#hasTunnel, this.#hadLink]) {
      for (const id of known) if (!isMember(id)) known.delete(id);
    }
    for (const id of this.#hasTunnel) if (this.#isRootless(id as NodeId)) this.#hasTunnel.delete(id);
    return others.map(({ record, statement }) => {
      const publicKey = record.publicKey.toString();
      const handshakeAt = sessions.get(publicKey)?.lastHandshakeAt;
      if (handshakeAt !== undefined) this.#hasTunnel.add(record.nodeId);
      // Without a tunnel, only who has a link is asked; in a large network not everybody has one.
      const canBeAsked = overlay !== undefined || this.#hadLink.has(record.nodeId);
      return {
        id: record.nodeId,
        publicKey,
        name: record.name,
        address: record.addresses[0]?.toString() ?? "",
        isProbed: record.verifyingKey !== undefined && canBeAsked,
        handshakeAt,
        ...(overlay === undefined || statement?.isRootless) && this.#linkSigns(record.nodeId),
      };
    });
  }

  /** Of a member that is asked over its link alone: what the link says of it without a question. */
  #linkSigns(nodeId: NodeId): Pick<HealthTarget, "heardAt" | "pauseMs"> {
    const { mesh: { replica }, messages, clock } = this.#parts;
    const link = messages.links.get(nodeId);
    const pauseMs = linkPauseMs(replica, [this.#self, nodeId]);
    return link === undefined
      ? { pauseMs }
      : { pauseMs, heardAt: millis(clock.now() - link.channel.silentMs) };
  }

  /** A link that has closed is the first sign of a member that went away, and a new one of one that came back. */
  #followLinks(): void {
    const current = new Map(this.#parts.messages.links.all().map((link) => [link.nodeId as string, link]));
    const former = this.#links;
    this.#links = current;
    for (const id of new Set([...former.keys(), ...current.keys()])) {
      this.#hadLink.add(id);
      // When the checker has ended this round.
      if (former.get(id) !== current.get(id)) queueMicrotask(() => this.checker.suspect(id));
    }
  }
}

function answered(
  rttMs: number | undefined,
  path: ProbeAnswer["path"],
): ProbeAnswer | undefined {
  return rttMs === undefined ? undefined : { rttMs, path };
}
