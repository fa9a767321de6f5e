/**
 * What each node offers and listens to, told to all by entries of the replicated state.
 * @module
 */

import type { Environment } from "../../base/mod.ts";
import {
  type EntryEvent,
  MAX_ENTRY_BODY_BYTES,
  type MeshState,
  type NodeId,
  type Origin,
  type RosterEvent,
  type Signed,
} from "../../mesh/mod.ts";
import {
  type AdvertisedService,
  type AdvertisedSubscription,
  decodeAdvert,
  EMPTY_ADVERT,
  encodeAdvert,
  type PeerId,
  type ServiceAdvert,
} from "../../service/mod.ts";
import { asPeerId } from "./service_links.ts";

/** Entries of this kind have a number as their key, and a part of the advert as their body. */
const KIND = "service";
/** How many parts one node tells. */
const MAX_PARTS = 24;
/** A first change is told at once, those that follow it together. */
const FIRST_PAUSE_MS = 5;
const NEXT_PAUSE_MS = 200;
/** Renewed long before; of a node that never comes back, everybody forgets it. */
const LIFETIME_MS = 86_400_000;

/** What it works with. */
export interface SharedServicesParts extends Pick<Environment, "timers" | "log"> {
  readonly mesh: MeshState;
  /** This node's advert, as of now. */
  advert(): ServiceAdvert;
  /** What another node says. */
  setAdverts(peer: PeerId, adverts: readonly ServiceAdvert[]): void;
  /** A node is a member no more. */
  handlePeerGone(peer: PeerId): void;
  /** Tells others. */
  publish(entries: readonly Signed[]): void;
}

/** Tells others of this node's services, and this node of theirs. */
export class SharedServices {
  readonly #parts: SharedServicesParts;
  #cancelTell: (() => void) | undefined;
  #pauseMs = FIRST_PAUSE_MS;
  /** Nodes whose adverts were followed just now, or are about to be. */
  readonly #following = new Map<Origin, { isDue: boolean; cancel: () => void }>();
  #isClosed = false;

  constructor(parts: SharedServicesParts) {
    this.#parts = parts;
  }

  /** Takes in everything that is known, and tells what this node offers. */
  start(): void {
    const { replica } = this.#parts.mesh;
    for (const origin of new Set(replica.entries.list(KIND).map((entry) => entry.origin))) {
      this.#follow(origin);
    }
    this.tellSoon();
  }

  /** Follows one change of the entries. */
  handleEntryEvent({ kind, origin }: EntryEvent): void {
    if (kind === KIND) this.#followSoon(origin);
  }

  /** What a node has said counts as long as it is a member. */
  handleRosterEvent({ kind, nodeId }: RosterEvent): void {
    if (kind === "member-removed") this.#parts.handlePeerGone(asPeerId(nodeId));
    else if (kind === "member-added") this.#follow(nodeId);
  }

  /** The advert has changed, or is to be looked at again. */
  tellSoon(): void {
    if (this.#cancelTell !== undefined || this.#isClosed) return;
    this.#cancelTell = this.#parts.timers.setTimer(this.#pauseMs, () => {
      this.#cancelTell = undefined;
      try {
        this.#pauseMs = this.#tell() ? NEXT_PAUSE_MS : FIRST_PAUSE_MS;
        if (this.#pauseMs === NEXT_PAUSE_MS) this.tellSoon();
      } catch (error) {
        // Written again at the next change, or when it is time to renew.
        this.#parts.log.error("cannot tell others of this node's services", { error });
      }
    });
  }

  /** Says that nothing is offered any more, and no more after that. */
  close(): void {
    this.#isClosed = true;
    this.#cancelTell?.();
    for (const { cancel } of this.#following.values()) cancel();
    this.#following.clear();
    this.#tell();
  }

  /** @returns whether anything has changed */
  #tell(): boolean {
    const { mesh, publish, advert, log } = this.#parts;
    const { identity, replica } = mesh;
    // Nobody believes what somebody says who was removed.
    if (replica.roster.isRevoked(identity.publicKey)) return false;
    const parts = this.#isClosed ? [] : splitAdvert(advert());
    if (parts.length > MAX_PARTS) {
      log.warn("more services and subscriptions than can be told", { parts: parts.length });
    }
    const told = parts.slice(0, MAX_PARTS);
    const known = replica.entries.of(identity.id).filter(({ kind }) => kind === KIND).map(({ key }) => key);
    const keys = new Set([...known, ...told.keys()].map(String));
    const entries = [...keys].flatMap((key) => {
      const body = told[Number(key)];
      const entry = { kind: KIND, key, body, lifetimeMs: LIFETIME_MS };
      const signed = replica.entries.write(identity.id, identity.signingKey, entry);
      return signed === undefined ? [] : [signed];
    });
    if (entries.length > 0) publish(entries);
    return entries.length > 0;
  }

  /** The parts of a change are followed as one, and a node that changes all the time as often as it should tell. */
  #followSoon(origin: Origin): void {
    const known = this.#following.get(origin);
    if (known !== undefined) known.isDue = true;
    if (known !== undefined || this.#isClosed) return;
    const { timers } = this.#parts;
    const turn = { isDue: true, cancel: timers.setTimer(0, () => look()) };
    const look = () => {
      if (!turn.isDue) return void this.#following.delete(origin);
      turn.isDue = false;
      this.#follow(origin);
      turn.cancel = timers.setTimer(NEXT_PAUSE_MS, look);
    };
    this.#following.set(origin, turn);
  }

  #follow(origin: Origin): void {
    const { mesh, setAdverts } = this.#parts;
    if (origin === mesh.identity.id || origin === mesh.network.id) return;
    const { entries, roster } = mesh.replica;
    const isMember = roster.get(origin as NodeId) !== undefined;
    const adverts = !isMember ? [] : entries.of(origin).filter(({ kind }) => kind === KIND)
      .map(({ body }) => decodeAdvert(body)).filter((advert) => advert !== undefined);
    setAdverts(asPeerId(origin as NodeId), adverts);
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
    // One that is too long by itself is told without its details.
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
