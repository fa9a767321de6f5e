/**
 * The relay of a node.
 * @module
 */

import type { RelayReport } from "../../api/mod.ts";
import { repeat } from "../../base/mod.ts";
import { openForwarder } from "../../dataplane/mod.ts";
import type { NodeId } from "../../mesh/mod.ts";
import {
  ANY_PORT,
  FORWARDER_DROPS,
  type ForwarderDrop,
  RELAY_BOUNDS,
  type RelayBounds,
  type RelayForwarder,
  type RelayLeg,
  type RelayRefusal,
  RelaySessions,
} from "../../relay/mod.ts";
import type { AgentContext } from "../agent_context.ts";
import { mayRelay } from "../endpoint_selector.ts";

/** How often sessions that nobody uses are looked for. */
const UPKEEP_MS = 5_000;
/** How long the forwarder waits for a first session. */
const PREPARED_MS = 15_000;
const BYTES_PER_MBIT = 125_000;

/** What a relay needs of its node. */
export interface RelayHostParts
  extends Pick<AgentContext, "mesh" | "options" | "clock" | "timers" | "random" | "log"> {
  /** Whether what it would carry would take a way of this host's own programs: one that uses an exit does not relay. */
  readonly isHindered?: () => boolean;
  /** `RELAY_BOUNDS` unless told. */
  readonly bounds?: RelayBounds;
  /** `openForwarder` unless told. */
  readonly open?: typeof openForwarder;
}

/** Both ends of a session. */
export interface RelayLegs {
  /** Of the member that was named first. */
  readonly a: RelayLeg;
  /** Of the other one. */
  readonly b: RelayLeg;
}

/**
 * Opens sessions for members, as far as this node relays at all. The forwarder, with its thread, is there only while there
 * are sessions, or may be some in a moment.
 */
export class RelayHost implements AsyncDisposable {
  readonly #parts: RelayHostParts;
  readonly #sessions: RelaySessions;
  #forwarder: RelayForwarder | undefined;
  #preparedAt = -Infinity;
  /** Forwarders that have not ended yet. */
  readonly #ending = new Set<Promise<unknown>>();
  /** The thread has failed once. */
  #isPortable: boolean;
  readonly #earlierDrops = new Map<ForwarderDrop, number>();
  /** By sessions that have ended, and from stream to stream. */
  readonly #carried = { datagrams: 0, bytes: 0 };
  #stop: (() => void) | undefined;

  constructor(parts: RelayHostParts) {
    this.#parts = parts;
    this.#sessions = new RelaySessions(parts.random, parts.bounds ?? RELAY_BOUNDS);
    // Rootless nodes use no foreign functions.
    this.#isPortable = parts.options.rootless || parts.options.dataplane === "portable";
  }

  /** Whether this node carries packets for others now. */
  get isOn(): boolean {
    const { options, mesh, isHindered } = this.#parts;
    return this.#stop !== undefined && mayRelay(options, mesh.role) && !isHindered?.();
  }

  /**
   * Whether what two members send in streams may go from one stream to the other: it relays, and meters nothing, which
   * only the forwarder does.
   */
  get joinsStreams(): boolean {
    const { relayLimitMbit, relaySessionLimitMbit } = this.#parts.options;
    return this.isOn && relayLimitMbit === "off" && relaySessionLimitMbit === "off";
  }

  /** So much has gone from one stream to another. */
  noteCarried(datagrams: number, bytes: number): void {
    this.#carried.datagrams += datagrams;
    this.#carried.bytes += bytes;
  }

  /** Begins to take requests. Harmless when repeated. */
  start(): void {
    if (this.#stop !== undefined) return;
    const upkeep = { intervalMs: UPKEEP_MS, problem: "cannot look after the relay" };
    const endUpkeep = repeat(this.#parts, upkeep, () => this.#lookAfter());
    const unsubscribe = this.#parts.mesh.replica.subscribe({
      handleMembersChange: () => this.#endForeign(),
    });
    this.#stop = () => {
      endUpkeep();
      unsubscribe();
    };
  }

  /** Goes on as its options say now: sessions end, and are opened again by who needs them. */
  reopen(): void {
    this.#end(() => this.#sessions.end(() => true));
    this.#closeForwarder();
  }

  /** A member may ask for a session soon: the thread, which takes a while to start, is started now. */
  prepare(): void {
    if (!this.isOn) return;
    this.#preparedAt = this.#parts.clock.now();
    this.#forwarder ??= this.#openForwarder();
  }

  /**
   * Opens the session of two members, or gives the one that they have; the legs are then the same, whoever asks.
   * @param a who asks, and whose session it counts as
   * @returns the legs, whose ports are on every address of this host, or why there are none
   */
  open(a: NodeId, b: NodeId): RelayLegs | RelayRefusal {
    if (!this.isOn) return "not-relaying";
    if (!this.#isMember(a) || !this.#isMember(b)) return "not-member";
    this.#forwarder ??= this.#openForwarder();
    const forwarder = this.#forwarder;
    return this.#sessions.open(a, b, this.#parts.clock.now(), (keys) => forwarder.open(keys));
  }

  /** Ends the sessions of a member, which is one no more. */
  closeMember(nodeId: NodeId): void {
    this.#end(() => this.#sessions.end(({ members }) => members.includes(nodeId)));
  }

  /** @returns what is carried now, and what was carried and dropped since the start; undefined for a node that never relays */
  report(): RelayReport | undefined {
    if (!this.isOn && this.#sessions.size === 0) return undefined;
    let { datagrams, bytes } = this.#carried;
    for (const session of this.#sessions.list()) {
      datagrams += session.datagrams;
      bytes += session.bytes;
    }
    const { kind = this.#isPortable ? "portable" : "fast" } = this.#forwarder ?? {};
    return { kind, sessions: this.#sessions.size, datagrams, bytes, drops: this.#drops() };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Ends all sessions and closes all ports. Harmless when repeated. */
  async close(): Promise<void> {
    this.#stop?.();
    this.#stop = undefined;
    this.#end(() => this.#sessions.end(() => true));
    this.#closeForwarder();
    await Promise.all(this.#ending);
  }

  #isMember(nodeId: NodeId): boolean {
    // Plain devices speak no path protocol, and have nobody who asks for them.
    return this.#parts.mesh.roster.liveRecord(nodeId)?.verifyingKey !== undefined;
  }

  #lookAfter(): void {
    if (!this.isOn) {
      this.#end(() => this.#sessions.end(() => true));
    }
    this.#end(() => this.#sessions.endIdle(this.#parts.clock.now()));
    this.#endForeign();
    const isWaiting = this.isOn && this.#parts.clock.now() - this.#preparedAt < PREPARED_MS;
    if (this.#sessions.size === 0 && !isWaiting) this.#closeForwarder();
  }

  #endForeign(): void {
    this.#end(() =>
      this.#sessions.end(({ members }) => !members.every((member) => this.#isMember(member as NodeId)))
    );
  }

  /** What sessions have carried is kept when they are gone. */
  #end(end: () => number): void {
    const before = this.#sessions.list();
    if (end() === 0) return;
    const left = new Set(this.#sessions.list().map(({ members }) => members.join()));
    for (const { members, datagrams, bytes } of before) {
      if (left.has(members.join())) continue;
      this.noteCarried(datagrams, bytes);
    }
  }

  #openForwarder(): RelayForwarder {
    const { options, clock, log, open = openForwarder } = this.#parts;
    const { relayPorts, relayLimitMbit, relaySessionLimitMbit } = options;
    const rates = {
      totalBytesPerSecond: bytesPerSecond(relayLimitMbit),
      sessionBytesPerSecond: bytesPerSecond(relaySessionLimitMbit),
    };
    const forwarder = open({ ports: relayPorts ?? ANY_PORT, rates, clock }, this.#isPortable);
    void forwarder.ended.then((end) => {
      if (end !== "failed") return;
      log.warn("the relay's thread has failed; relaying by the runtime's sockets");
      this.#isPortable = true;
      if (this.#forwarder !== forwarder) return;
      this.#end(() => this.#sessions.end(() => true));
      this.#closeForwarder();
    });
    return forwarder;
  }

  #closeForwarder(): void {
    const forwarder = this.#forwarder;
    if (forwarder === undefined) return;
    this.#forwarder = undefined;
    for (const [reason, count] of Object.entries(forwarder.drops())) {
      const known = this.#earlierDrops.get(reason as ForwarderDrop) ?? 0;
      this.#earlierDrops.set(reason as ForwarderDrop, known + count);
    }
    const ended = forwarder.close().finally(() => this.#ending.delete(ended));
    this.#ending.add(ended);
  }

  #drops(): Record<string, number> {
    const current = this.#forwarder?.drops();
    const entries = FORWARDER_DROPS
      .map((reason) => [reason, (this.#earlierDrops.get(reason) ?? 0) + (current?.[reason] ?? 0)] as const)
      .filter(([, count]) => count > 0);
    return Object.fromEntries(entries);
  }
}

function bytesPerSecond(limitMbit: number | "off"): number {
  return limitMbit === "off" ? Infinity : limitMbit * BYTES_PER_MBIT;
}
