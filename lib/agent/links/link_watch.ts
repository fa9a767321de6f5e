/**
 * Links that go through a relay or the packet plane: noticing within seconds that they are dead, and looking for a way
 * that goes through nobody else.
 * @module
 */

import { type Environment, sleep } from "../../base/mod.ts";
import type { NodeId } from "../../mesh/mod.ts";
import type { LinkDialer } from "./link_dialer.ts";
import { isDetour, type Link, type LinkTable } from "./link_table.ts";

/** Both ends of a relayed link say something so often. */
const LOOK_EVERY_MS = 500;
/** And is taken for dead after so much silence: TCP may have lost a segment two or three times in a row (RFC 6298 §5). */
const DEAD_AFTER_MS = 6_000;
/** This end did nothing for so long: what the other one said may wait in the socket. */
const STALL_MS = 250;
/** When another way is looked for, the first time and then; twice as long each time. */
const FIRST_ATTEMPT_MS = 1_000;
const MAX_ATTEMPT_MS = 300_000;
/** The tunnel was up when the link was made through it, and is not seen to be for so long. */
const TUNNEL_DOWN_MS = 3_000;
/** Then whoever is there answers within this. */
const TUNNEL_ANSWER_MS = 2_000;

/** What is watched, and what may be done about it. */
export interface LinkWatchParts extends Pick<Environment, "clock" | "timers"> {
  readonly links: LinkTable;
  readonly dialer: Pick<LinkDialer, "dialDirect" | "handleDead">;
  /** @returns whether packets between this node's interface and that of a member arrive now */
  tunnelIsUp?(nodeId: NodeId): boolean;
}

/** Watches each link that does not go straight, until it ends. */
export class LinkWatch {
  readonly #parts: LinkWatchParts;

  constructor(parts: LinkWatchParts) {
    this.#parts = parts;
  }

  /** Begins to watch a link, if it needs that. */
  handleLink(link: Link): void {
    if (isDetour(link.way)) void this.#watchDetour(link);
    else if (link.way.kind === "tunnel") void this.#watchTunnelled(link);
  }

  /** The host has changed its addresses: what does not answer within `withinMs` is dead. */
  async check(link: Link, withinMs: number): Promise<void> {
    const ended = this.#endOf(link);
    const { clock, timers } = this.#parts;
    for (let looks = 0; looks < 2 && !ended.aborted;) {
      const lookedAt = clock.now();
      void link.channel.ping();
      await sleep(timers, withinMs / 2, ended);
      // A look that was late says nothing: what has arrived meanwhile was not read either.
      if (clock.now() - lookedAt <= withinMs / 2 + STALL_MS) looks++;
    }
    await sleep(timers, 1, ended);
    if (!ended.aborted && link.channel.silentMs >= withinMs) this.#drop(link);
  }

  async #watchDetour(link: Link): Promise<void> {
    const { clock, timers, dialer, tunnelIsUp } = this.#parts;
    const { nodeId, channel, way } = link;
    const ended = this.#endOf(link);
    let lookedAt = clock.now();
    let attemptMs = FIRST_ATTEMPT_MS;
    let attemptAt = lookedAt + attemptMs;
    let isTrying = false;
    let wasUp = false;
    const isRelayed = way.kind === "relay";
    for (;;) {
      // The other end does the same. A WebSocket is one connection, which breaks when its end does.
      if (isRelayed) void channel.ping();
      await sleep(timers, LOOK_EVERY_MS, ended);
      if (ended.aborted) return;
      const now = clock.now();
      const hasStalled = now - lookedAt > LOOK_EVERY_MS + STALL_MS;
      lookedAt = now;
      if (isRelayed && !hasStalled && channel.silentMs >= DEAD_AFTER_MS) return this.#drop(link);
      const isUp = tunnelIsUp?.(nodeId) ?? false;
      const isNews = isUp && !wasUp;
      wasUp = isUp;
      if (isTrying || now < attemptAt && !isNews) continue;
      isTrying = true;
      void dialer.dialDirect(nodeId).catch(() => false).finally(() => {
        isTrying = false;
        attemptMs = Math.min(MAX_ATTEMPT_MS, attemptMs * 2);
        attemptAt = clock.now() + attemptMs;
      });
    }
  }

  /** TCP itself lives through a path that is replaced; a tunnel that is gone for long takes the link with it. */
  async #watchTunnelled(link: Link): Promise<void> {
    const { clock, timers, tunnelIsUp } = this.#parts;
    const ended = this.#endOf(link);
    let upAt = clock.now();
    while (!ended.aborted) {
      await sleep(timers, LOOK_EVERY_MS, ended);
      const now = clock.now();
      if (tunnelIsUp?.(link.nodeId) ?? true) upAt = now;
      if (now - upAt < TUNNEL_DOWN_MS) continue;
      await this.check(link, TUNNEL_ANSWER_MS);
      upAt = clock.now();
    }
  }

  #drop(link: Link): void {
    this.#parts.links.abandon(link, "no answer");
    this.#parts.dialer.handleDead(link);
  }

  #endOf(link: Link): AbortSignal {
    const ended = new AbortController();
    void this.#parts.links.ended(link).then(() => ended.abort());
    return ended.signal;
  }
}
