/**
 * What each node offers and listens to, as entries of the replicated state.
 * @module
 */

import type { AgentContext } from "../agent_context.ts";
import {
  type EntryEvent,
  MAX_ENTRY_BODY_BYTES,
  NO_UPDATE,
  type NodeId,
  type Origin,
  type RosterEvent,
} from "../../mesh/mod.ts";
import {
  type AdvertisedService,
  type AdvertisedSubscription,
  decodeAdvert,
  EMPTY_ADVERT,
  encodeAdvert,
  type NodeRuntime,
  type ServiceAdvert,
} from "../../service/mod.ts";
import { asPeerId } from "./mesh_peers.ts";

/** Entries of this kind have a number as their key, and a part of the advert as their body. */
const KIND = "service";
/** How many parts of its advert one node publishes. */
const MAX_PARTS = 24;
/** A first change is published almost at once, those that follow it together. */
const FIRST_PAUSE_MS = 5;
const NEXT_PAUSE_MS = 200;
/** So much longer for each part, so that the others take all of what this node publishes. */
const PART_PAUSE_MS = 80;
/** So much longer until an advert is read again for each thing in it, which costs some 10 µs. */
const ITEM_PAUSE_MS = 1;
/** Renewed long before that; the advert of a node that never comes back expires. */
const LIFETIME_MS = 86_400_000;

/** What it needs of the runtime. */
type AdvertRuntime = Pick<NodeRuntime, "advert" | "setAdverts" | "handlePeerGone" | "handleRightsChange">;

/** Publishes this node's advert as entries of the replica, and reads those of other nodes from there. */
export class AdvertSync {
  readonly #context: Pick<AgentContext, "mesh" | "authority" | "timers" | "log">;
  readonly #runtime: AdvertRuntime;
  readonly #onChange: () => void;
  #cancelTimer: (() => void) | undefined;
  #pauseMs = FIRST_PAUSE_MS;
  /** Nodes whose adverts were read just now, or are about to be. */
  readonly #reading = new Map<Origin, { isDue: boolean; cancel: () => void }>();
  #unobserve: () => void = () => {};
  #refused = 0;
  /** Of each node what is refused now: the same part is read again at each change of another one. */
  readonly #refusedOf = new Map<Origin, number>();
  #isClosed = false;

  /** @param onChange is called when what other nodes offer has changed */
  constructor(
    context: Pick<AgentContext, "mesh" | "authority" | "timers" | "log">,
    runtime: AdvertRuntime,
    onChange: () => void,
  ) {
    this.#context = context;
    this.#runtime = runtime;
    this.#onChange = onChange;
  }

  /** Reads the adverts that are known, and publishes this node's. */
  start(): void {
    this.#unobserve = this.#context.authority.observe((nodeId) => this.#followRights(nodeId));
    for (const origin of this.#origins()) this.#read(origin);
    this.advertiseSoon();
  }

  /** How much of what nodes have advertised was refused: what can't be read, and what is of no known alphabet. */
  get refused(): number {
    return this.#refused;
  }

  handleEntryEvent({ kind, origin }: EntryEvent): void {
    if (kind === KIND) this.#readSoon(origin);
  }

  /** A node's adverts count as long as it is a member. */
  handleRosterEvent({ kind, nodeId }: RosterEvent): void {
    if (kind === "member-added") this.#read(nodeId);
    else if (kind === "member-removed") {
      this.#refusedOf.delete(nodeId);
      this.#runtime.handlePeerGone(asPeerId(nodeId));
      this.#onChange();
    }
  }

  /** Adverts count as far as their node may offer and hear that. @param nodeId undefined for all nodes */
  #followRights(nodeId: NodeId | undefined): void {
    const { identity } = this.#context.mesh;
    if (nodeId === undefined) { for (const origin of this.#origins()) this.#readSoon(origin); }
    else if (nodeId !== identity.id) this.#readSoon(nodeId);
    if (nodeId === undefined || nodeId === identity.id) this.#runtime.handleRightsChange();
  }

  #origins(): ReadonlySet<Origin> {
    return new Set(this.#context.mesh.replica.entries.list(KIND).map(({ origin }) => origin));
  }

  /** The advert has changed, or is to be looked at again. */
  advertiseSoon(): void {
    if (this.#cancelTimer !== undefined || this.#isClosed) return;
    this.#cancelTimer = this.#context.timers.setTimer(this.#pauseMs, () => {
      this.#cancelTimer = undefined;
      try {
        const published = this.#advertise();
        this.#pauseMs = published === 0 ? FIRST_PAUSE_MS : Math.max(NEXT_PAUSE_MS, published * PART_PAUSE_MS);
        if (published > 0) this.advertiseSoon();
      } catch (error) {
        // Written again at the next change, or when it is time to renew.
        this.#context.log.error("cannot tell others of this node's services", { error });
      }
    });
  }

  /** Publishes what has changed of the advert at once. */
  advertiseNow(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#advertise();
  }

  /** Withdraws the advert, and publishes no more. */
  close(): void {
    this.#isClosed = true;
    this.#unobserve();
    this.#cancelTimer?.();
    for (const { cancel } of this.#reading.values()) cancel();
    this.#reading.clear();
    this.#advertise();
  }

  /** @returns how many parts have changed */
  #advertise(): number {
    const { mesh, log } = this.#context;
    const { identity, replica } = mesh;
    // Others reject the entries of a node that was removed.
    if (replica.roster.isRevoked(identity.publicKey)) return 0;
    const parts = this.#isClosed ? [] : splitAdvert(this.#runtime.advert());
    if (parts.length > MAX_PARTS) {
      log.warn("more services and subscriptions than can be told", { parts: parts.length });
    }
    const published = parts.slice(0, MAX_PARTS);
    const known = replica.entries.of(identity.id).filter(({ kind }) => kind === KIND).map(({ key }) => key);
    const keys = new Set([...known, ...published.keys()].map(String));
    const entries = [...keys].flatMap((key) => {
      const body = published[Number(key)];
      const entry = { kind: KIND, key, body, lifetimeMs: LIFETIME_MS };
      const signed = replica.entries.write(identity.id, identity.signingKey, entry);
      return signed === undefined ? [] : [signed];
    });
    if (entries.length > 0) replica.publish({ ...NO_UPDATE, entries });
    return entries.length;
  }

  /** The parts of a change are followed as one, and a node that changes all the time as often as it should publish. */
  #readSoon(origin: Origin): void {
    const known = this.#reading.get(origin);
    if (known !== undefined) known.isDue = true;
    if (known !== undefined || this.#isClosed) return;
    const { timers } = this.#context;
    const turn = { isDue: true, cancel: timers.setTimer(0, () => look()) };
    const look = () => {
      if (!turn.isDue) return void this.#reading.delete(origin);
      turn.isDue = false;
      const items = this.#read(origin);
      turn.cancel = timers.setTimer(NEXT_PAUSE_MS + items * ITEM_PAUSE_MS, look);
    };
    this.#reading.set(origin, turn);
  }

  /** @returns how many services and subscriptions there were to look through */
  #read(origin: Origin): number {
    const { mesh, log } = this.#context;
    if (origin === mesh.identity.id || origin === mesh.network.id) return 0;
    const { entries, roster } = mesh.replica;
    const member = roster.get(origin as NodeId);
    // In one order, so that all nodes leave out the same of one that offers too much.
    const parts = member === undefined ? [] : entries.of(origin).filter(({ kind }) => kind === KIND)
      .sort((a, b) => Number(a.key) - Number(b.key) || (a.key < b.key ? -1 : 1))
      .map(({ body }) => decodeAdvert(body));
    const adverts = parts.filter((advert) => advert !== undefined);
    const left = this.#runtime.setAdverts(asPeerId(origin as NodeId), adverts);
    if (left > 0) log.warn("a member offers more than is followed", { peer: member?.record.name, left });
    const refused = adverts.reduce((sum, advert) => sum + (advert.refused ?? 0), left) + parts.length -
      adverts.length;
    this.#refused += Math.max(0, refused - (this.#refusedOf.get(origin) ?? 0));
    if (refused > 0) this.#refusedOf.set(origin, refused);
    else this.#refusedOf.delete(origin);
    this.#onChange();
    return adverts.reduce((sum, advert) => sum + advert.services.length + advert.subscriptions.length, 0);
  }
}

/** @returns the advert in parts that each fit an entry; none when nothing is offered */
export function splitAdvert(advert: ServiceAdvert): readonly Uint8Array[] {
  const { run, services, subscriptions, retains } = advert;
  if (services.length === 0 && subscriptions.length === 0 && !retains) return [];
  const parts: Uint8Array[] = [];
  let open: ServiceAdvert = { ...EMPTY_ADVERT, run, retains };
  const add = (item: { service: AdvertisedService } | { subscription: AdvertisedSubscription }) => {
    const wider = "service" in item
      ? { ...open, services: [...open.services, item.service] }
      : { ...open, subscriptions: [...open.subscriptions, item.subscription] };
    if (encodeAdvert(wider).length <= MAX_ENTRY_BODY_BYTES) {
      open = wider;
      return;
    }
    const isEmpty = open.services.length + open.subscriptions.length === 0;
    // One that is too long by itself goes without its details.
    if (isEmpty && "service" in item) open = { ...open, services: [briefly(item.service)] };
    else if (!isEmpty) {
      parts.push(encodeAdvert(open));
      open = { ...EMPTY_ADVERT, run };
      add(item);
    }
  };
  for (const service of services) add({ service });
  for (const subscription of subscriptions) add({ subscription });
  parts.push(encodeAdvert(open));
  return parts;
}

function briefly(service: AdvertisedService): AdvertisedService {
  return { ...service, description: "", actions: [], events: [] };
}
