/**
 * What leaders do with endpoints: they sign whose each is, which MAC and IP addresses it has, and take it back. Two leaders that
 * can't see each other may give one address to two; `lib/overlay/ownership.ts` says whose it is then.
 * @module
 */

import { type Clock, KeyedRateLimiter } from "../../base/mod.ts";
import type { EndpointAct, EndpointRefusal, EndpointRequest, MemberRecord, NodeId } from "../../mesh/mod.ts";
import { NO_UPDATE, type Signed } from "../../mesh/mod.ts";
import type { IpAddress, MacAddress } from "../../net/mod.ts";
import {
  addressProblem,
  allotAddress,
  allotMac,
  blocksOf,
  ENDPOINT_KIND,
  type EndpointDefinition,
  endpointKey,
  gatewayAddress,
  isHost,
  isStationAddress,
} from "../../overlay/mod.ts";
import type { EndpointServer, LeaderAct } from "../leaders/mod.ts";
import type { ActParts, EntrySigner } from "./network_acts.ts";
import { GATEWAY_ENDPOINT, type KnownEndpoint, type KnownNetwork } from "./network_book.ts";

/** How many endpoints there are in all networks of a mesh. */
export const MAX_ENDPOINTS = 4096;
/** How many one member has. */
export const MAX_MEMBER_ENDPOINTS = 256;

/** How often one member may ask: as often as it may have endpoints, and then twice a second. */
const PER_MEMBER = { burst: MAX_MEMBER_ENDPOINTS, everyMs: 500, maxSources: 4_096 };
/** How often all of them may together. */
const IN_TOTAL = { burst: 512, everyMs: 20, maxSources: 1 };
/** Whoever asked too often is told to wait for so long. */
const RETRY_AFTER_MS = 1_000;
/** How often it is looked which entries are to be signed anew; they are good for 90 days. */
const RENEW_EVERY_MS = 3_600_000;
/**
 * So long an endpoint has to be unwanted before it is taken back: its network, its host's labels and itself are entries that
 * come one by one, in any order, and a leader that was away has heard of some of them only.
 */
const UNWANTED_MS = 60_000;
/** How many entries are signed in one turn, at 1.1 ms each; the others when it is looked the next time. */
const MAX_SIGNED_AT_ONCE = 128;

type Outcome = { readonly refused: EndpointRefusal } | {
  readonly signed: Signed | undefined;
  readonly kind: "endpoint-added" | "endpoint-moved" | "endpoint-removed" | undefined;
};

/** What is needed for it, with the clock that limits are told by. */
type EndpointActParts = ActParts & { readonly clock: Clock };

/** Signs endpoints, on leaders. */
export class EndpointActs implements EndpointServer {
  readonly #parts: EndpointActParts;
  readonly #signer: EntrySigner;
  readonly #perMember = new KeyedRateLimiter(PER_MEMBER);
  readonly #inTotal = new KeyedRateLimiter(IN_TOTAL);
  #renewedAt = -Infinity;
  #lookedAt: unknown;
  #lookedLast = -Infinity;
  /** Since when each is unwanted, by key. */
  readonly #unwantedSince = new Map<string, number>();

  constructor(parts: EndpointActParts, signer: EntrySigner) {
    this.#parts = parts;
    this.#signer = signer;
  }

  /** Does what a member asks, if it may. */
  serve(asker: MemberRecord, request: EndpointRequest): LeaderAct {
    const now = this.#parts.clock.now();
    if (!this.#perMember.allows(now, asker.nodeId) || !this.#inTotal.allows(now, "")) {
      return { answer: { kind: "refused", retryAfterMs: RETRY_AFTER_MS } };
    }
    const outcome = this.act(asker, request, asker.roles.includes("leader"));
    if ("refused" in outcome) return { answer: { kind: "refused", reason: outcome.refused } };
    const { replica: { entries } } = this.#parts.mesh;
    const key = endpointKey(request);
    const origin = entries.networkOrigin(ENDPOINT_KIND, key);
    // Whoever asks again has it as it is, since it may have lost the first answer.
    const known = outcome.signed ?? entries.signedEntry(origin, ENDPOINT_KIND, key);
    const update = { ...NO_UPDATE, entries: known === undefined ? [] : [known] };
    return { answer: { kind: "done", update }, ...outcome.signed && { update } };
  }

  /**
   * Does what is asked in the name of a member.
   * @param isOperator whether a leader asks, who may remove and move what is others'
   */
  act(
    asker: MemberRecord,
    { network: name, name: endpoint, act }: EndpointRequest,
    isOperator: boolean,
  ): Outcome {
    const network = this.#parts.book.networks.get(name);
    if (network === undefined || network.conflict !== undefined) return { refused: "unknown-network" };
    const known = network.endpoints.get(endpoint);
    if (act.kind === "add") return this.#add(asker, network, endpoint, act, known);
    if (known === undefined) return { refused: "unknown-endpoint" };
    const isOwn = known.owner?.nodeId === asker.nodeId || known.definition.nodeId === asker.nodeId;
    if (!isOwn && !isOperator) return { refused: "not-permitted" };
    if (act.kind === "remove") return this.#remove(known.definition);
    return this.#move(network, known.definition, act);
  }

  /** Takes back what nobody may have, and signs anew what would lapse; early and repeated calls are harmless. */
  lookAfter(): void {
    const { book, clock } = this.#parts;
    const { networks } = book;
    const now = clock.now();
    // Another leader has looked meanwhile.
    if (now - this.#lookedLast > UNWANTED_MS) this.#unwantedSince.clear();
    this.#lookedLast = now;
    const isDue = now - this.#renewedAt >= RENEW_EVERY_MS;
    if (!isDue && this.#lookedAt === networks && this.#unwantedSince.size === 0) return;
    const unwanted = [...book.lost];
    const changed: Signed[] = [];
    const hasRoom = () => changed.length < MAX_SIGNED_AT_ONCE;
    const add = (signed: Signed | undefined) => void (signed !== undefined && changed.push(signed));
    for (const network of networks.values()) {
      if (isDue && hasRoom()) add(this.#signer.network(network.definition));
      for (const endpoint of network.endpoints.values()) {
        const { definition, owner } = endpoint;
        if (this.#isUnwanted(network, endpoint)) unwanted.push(definition);
        else if (owner !== undefined && (isDue || owner.nodeId !== definition.nodeId) && hasRoom()) {
          add(this.#signer.endpoint({ ...definition, nodeId: owner.nodeId }));
        }
      }
    }
    for (const definition of this.#takeBackDue(unwanted, now)) if (hasRoom()) add(this.#takeBack(definition));
    this.#signer.publish(changed);
    this.#lookedAt = hasRoom() ? book.networks : undefined;
    if (isDue && hasRoom()) this.#renewedAt = now;
  }

  #isUnwanted({ definition: { gateway } }: KnownNetwork, { definition, owner }: KnownEndpoint): boolean {
    const { book } = this.#parts;
    const nodeId = definition.nodeId as NodeId;
    // A record that has lapsed may be renewed; one that was revoked, or whose labels are others, may not be enough.
    if (owner === undefined) return this.#isRevoked(nodeId) || book.ownerOf(nodeId) !== undefined;
    return definition.name === GATEWAY_ENDPOINT && book.ownerOf(gateway as NodeId)?.nodeId !== owner.nodeId;
  }

  #isRevoked(nodeId: NodeId): boolean {
    const { book, mesh: { roster } } = this.#parts;
    // Under other keys it may go on.
    return roster.recordById(nodeId)?.revoked === true && book.ownerOf(nodeId) === undefined;
  }

  #takeBackDue(unwanted: readonly EndpointDefinition[], now: number): readonly EndpointDefinition[] {
    const byKey = new Map(unwanted.map((definition) => [endpointKey(definition), definition]));
    for (const key of this.#unwantedSince.keys()) if (!byKey.has(key)) this.#unwantedSince.delete(key);
    return [...byKey].filter(([key, { nodeId }]) => {
      const since = this.#unwantedSince.get(key) ?? now;
      this.#unwantedSince.set(key, since);
      // Nobody who was removed comes back.
      return now - since >= UNWANTED_MS || this.#isRevoked(nodeId as NodeId);
    }).map(([, definition]) => definition);
  }

  #add(
    asker: MemberRecord,
    network: KnownNetwork,
    name: string,
    act: Extract<EndpointAct, { kind: "add" }>,
    known: KnownEndpoint | undefined,
  ): Outcome {
    const { definition } = network;
    const { book, clock } = this.#parts;
    if (!book.mayJoin(asker, definition)) return { refused: "not-permitted" };
    const isGateway = name === GATEWAY_ENDPOINT;
    if (isGateway && book.ownerOf(definition.gateway as NodeId)?.nodeId !== asker.nodeId) {
      return { refused: "not-permitted" };
    }
    const before = known?.owner === undefined ? undefined : known;
    if (before !== undefined && before.owner?.nodeId !== asker.nodeId) {
      return { refused: "duplicate-endpoint" };
    }
    if (before === undefined && !this.#hasRoom(asker.nodeId)) return { refused: "too-many" };
    // One that has lost its addresses to another gets others.
    const kept = before?.conflict === undefined ? before?.definition : undefined;
    const { mac: wantedMac, allowsForeign, underlayAddress } = act;
    const wanted = isGateway ? blocksOf(definition).map(gatewayAddress) : act.addresses;
    if (wantedMac !== undefined && !isStationAddress(wantedMac)) return { refused: "address-not-allowed" };
    if (!isPlace(underlayAddress)) return { refused: "address-not-allowed" };
    if (!isGateway && wanted.some((address) => addressProblem(address, definition) !== undefined)) {
      return { refused: "address-not-allowed" };
    }
    const families = new Set(wanted.map(({ family }) => family));
    if (families.size !== wanted.length) return { refused: "address-not-allowed" };
    const taken = takenBy(network, name);
    const mac = wantedMac ?? kept?.mac ?? allotMac(definition.id, name, (mac) => taken.has(mac.toString()));
    const addresses: IpAddress[] = [];
    for (const block of blocksOf(definition)) {
      const ofFamily = ({ family }: IpAddress) => family === block.family;
      const address = wanted.find(ofFamily) ?? kept?.addresses.find(ofFamily) ??
        allotAddress(definition.id, name, block, taken.size, (address) => taken.has(address.toString()));
      if (address === undefined) return { refused: "no-address" };
      addresses.push(address);
    }
    if ([mac, ...addresses].some((one: MacAddress | IpAddress) => taken.has(one.toString()))) {
      return { refused: "address-taken" };
    }
    const signed = this.#signer.endpoint({
      network: definition.name,
      name,
      networkId: definition.id,
      nodeId: asker.nodeId,
      mac,
      addresses,
      allowsForeign,
      generation: before?.definition.generation ?? (known?.definition.generation ?? 0) + 1,
      ...underlayAddress && { underlayAddress },
      createdAt: kept?.createdAt ?? clock.wall(),
    });
    const kind = before === undefined ? "endpoint-added" : undefined;
    if (kind !== undefined && signed !== undefined) this.#note(kind, definition.name, name, asker);
    return { signed, kind };
  }

  #remove(definition: EndpointDefinition): Outcome {
    const signed = this.#takeBack(definition);
    return { signed, kind: "endpoint-removed" };
  }

  #move(
    { definition: network }: KnownNetwork,
    definition: EndpointDefinition,
    { to, underlayAddress }: Extract<EndpointAct, { kind: "move" }>,
  ): Outcome {
    const { book, mesh: { roster } } = this.#parts;
    const record = roster.get(to)?.record;
    if (record === undefined || !book.mayJoin(record, network)) return { refused: "not-permitted" };
    if (definition.name === GATEWAY_ENDPOINT) return { refused: "not-permitted" };
    if (!isPlace(underlayAddress)) return { refused: "address-not-allowed" };
    // It may be there already, because the first answer was lost.
    if (definition.nodeId === to) return { signed: undefined, kind: undefined };
    if (this.#countOf(to) >= MAX_MEMBER_ENDPOINTS) return { refused: "too-many" };
    const { underlayAddress: _, ...rest } = definition;
    const generation = definition.generation + 1;
    const moved = { ...rest, nodeId: to, generation, ...underlayAddress && { underlayAddress } };
    const signed = this.#signer.endpoint(moved);
    this.#note("endpoint-moved", network.name, definition.name, record);
    return { signed, kind: "endpoint-moved" };
  }

  #takeBack(definition: EndpointDefinition): Signed | undefined {
    const signed = this.#signer.removal(ENDPOINT_KIND, endpointKey(definition));
    if (signed !== undefined) this.#note("endpoint-removed", definition.network, definition.name);
    return signed;
  }

  #note(
    kind: "endpoint-added" | "endpoint-moved" | "endpoint-removed",
    network: string,
    name: string,
    to?: MemberRecord,
  ) {
    this.#signer.note(kind, { endpoint: `${network}/${name}`, ...to && { node: to.name } });
  }

  #hasRoom(nodeId: NodeId): boolean {
    let all = 0;
    for (const { endpoints } of this.#parts.book.networks.values()) all += endpoints.size;
    return all < MAX_ENDPOINTS && this.#countOf(nodeId) < MAX_MEMBER_ENDPOINTS;
  }

  #countOf(nodeId: NodeId): number {
    let own = 0;
    for (const { endpoints } of this.#parts.book.networks.values()) {
      for (const { definition } of endpoints.values()) if (definition.nodeId === nodeId) own++;
    }
    return own;
  }
}

/** Whether other hosts may send there what is for a host in a plain underlay; a member can say anything. */
function isPlace(address: IpAddress | undefined): boolean {
  return address === undefined || (isHost(address) && !address.isLoopback);
}

/** @returns the MAC and IP addresses of all endpoints of a network but one */
function takenBy({ endpoints }: KnownNetwork, but: string): ReadonlySet<string> {
  const taken = new Set<string>();
  for (const { definition: { name, mac, addresses }, owner } of endpoints.values()) {
    if (name === but || owner === undefined) continue;
    taken.add(mac.toString());
    for (const address of addresses) taken.add(address.toString());
  }
  return taken;
}
