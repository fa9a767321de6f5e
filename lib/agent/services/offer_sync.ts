/**
 * Which TCP ports each node lets others reach, as an entry of the replicated state: so that people see what there is. Whom
 * an offer is for stays on its node, which alone decides.
 * @module
 */

import { repeat } from "../../base/mod.ts";
import type { OfferReport } from "../../api/mod.ts";
import { NO_UPDATE, type NodeId } from "../../mesh/mod.ts";
import { decodeMessage, encodeMessage, PortOffersSchema } from "../../proto/mod.ts";
import type { AgentContext } from "../agent_context.ts";
import type { OfferedForwardPort } from "./stream_forwarder.ts";

const KIND = "offer";
const KEY = "ports";
/** How many a node tells of, and how many are read of one: they fit an entry. */
const MAX_OFFERS = 256;
/** What changes together is told together. */
const PAUSE_MS = 200;
/** How often it is looked whether the entry has to be renewed, or written under a new key. */
const UPKEEP_MS = 10_000;
/** What a node that never comes back has offered is forgotten. */
const LIFETIME_MS = 86_400_000;

/** Publishes this node's offers, and reads those of others when somebody asks. */
export class OfferSync {
  readonly #context: AgentContext;
  readonly #offered: () => readonly OfferedForwardPort[];
  #cancelTimer: (() => void) | undefined;
  #endUpkeep: () => void = () => {};
  #state: "new" | "running" | "closed" = "new";

  /** @param offered what this node offers now, by port */
  constructor(context: AgentContext, offered: () => readonly OfferedForwardPort[]) {
    this.#context = context;
    this.#offered = offered;
  }

  /** Begins to publish; once. */
  start(): void {
    this.#state = "running";
    const upkeep = { intervalMs: UPKEEP_MS, problem: "cannot tell others of this node's offers" };
    this.#endUpkeep = repeat(this.#context, upkeep, () => this.#publish());
    this.publishSoon();
  }

  /** What is offered has changed. */
  publishSoon(): void {
    if (this.#cancelTimer !== undefined || this.#state !== "running") return;
    const { timers, log } = this.#context;
    this.#cancelTimer = timers.setTimer(PAUSE_MS, () => {
      this.#cancelTimer = undefined;
      try {
        this.#publish();
      } catch (error) {
        log.error("cannot tell others of this node's offers", { error });
      }
    });
  }

  /** Takes this node's offers back, and publishes no more. */
  close(): void {
    const wasRunning = this.#state === "running";
    this.#state = "closed";
    this.#cancelTimer?.();
    this.#endUpkeep();
    if (wasRunning) this.#publish();
  }

  /** @returns the offers of this node and of all members, sorted by node and port */
  report(): readonly OfferReport[] {
    const { mesh, options } = this.#context;
    const { roster, entries } = mesh.replica;
    const own = this.#offered().map(({ port, service, allow }): OfferReport => ({
      node: mesh.record.name,
      port,
      isLocal: true,
      isRestricted: allow !== undefined,
      isForAllPrograms: options.rootless,
      ...service !== undefined && { service },
      ...allow !== undefined && { allow },
    }));
    const others = entries.list(KIND).flatMap(({ origin, key, body }) => {
      const isOther = key === KEY && origin !== mesh.identity.id;
      const member = isOther ? roster.get(origin as NodeId) : undefined;
      if (member === undefined) return [];
      return readOffers(body).map(({ port, isRestricted }): OfferReport => ({
        node: member.record.name,
        port,
        isLocal: false,
        isRestricted,
        isForAllPrograms: !options.rootless && (member.statement?.isRootless ?? false),
      }));
    });
    return [...own, ...others].toSorted((a, b) => compare(a.node, b.node) || a.port - b.port);
  }

  #publish(): void {
    const { mesh: { identity, replica } } = this.#context;
    // Others reject the entries of a node that was removed.
    if (replica.roster.isRevoked(identity.publicKey)) return;
    const offered = this.#state === "closed" ? [] : this.#offered().slice(0, MAX_OFFERS);
    const body = offered.length === 0 ? undefined : encodeMessage(PortOffersSchema, {
      offers: offered.map(({ port, allow }) => ({ port, restricted: allow !== undefined })),
    });
    const entry = { kind: KIND, key: KEY, body, lifetimeMs: LIFETIME_MS };
    const signed = replica.entries.write(identity.id, identity.signingKey, entry);
    if (signed !== undefined) replica.publish({ ...NO_UPDATE, entries: [signed] });
  }
}

/** @returns what a body says, as far as it makes sense; never throws */
export function readOffers(
  body: Uint8Array,
): readonly { readonly port: number; readonly isRestricted: boolean }[] {
  const ports = new Map<number, boolean>();
  for (const { port, restricted } of decodeMessage(PortOffersSchema, body, body.length)?.offers ?? []) {
    if (port >= 1 && port <= 65_535 && ports.size < MAX_OFFERS) ports.set(port, restricted);
  }
  return Array.from(ports, ([port, isRestricted]) => ({ port, isRestricted }));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
