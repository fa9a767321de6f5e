/**
 * UPnP at work: one step after the other, each a search or one request by HTTP.
 *
 * ```
 *   search ─▶ describe ─▶ address ─▶ map UDP ─▶ map TCP ─▶ idle ──half of the lease──▶ address …
 *      ▲                   │ └─ the next service            │
 *      └─── no answer ─────┴──────────────────── release ─▶ delete UDP ─▶ delete TCP
 * ```
 *
 * @module
 */

import { type Millis, millis, randomUint32 } from "../base/mod.ts";
import { Endpoint, type IpAddress } from "../net/mod.ts";
import {
  type ActionAnswer,
  decodeAction,
  decodeDescription,
  encodeAddMapping,
  encodeDeleteMapping,
  encodeDescriptionRequest,
  encodeGetAddress,
  externalAddressOf,
  hasAnyPort,
  IGD_ERROR,
  reservedPortOf,
  type WanConnection,
} from "./igd.ts";
import {
  gatewayEndpoint,
  type HttpAnswer,
  isPublic,
  type MappedPorts,
  type MappedTransport,
  type MappingClient,
  type MappingFailure,
  type MappingRequest,
  type MappingTarget,
  type MappingTransmit,
} from "./mapping.ts";
import {
  decodeSearchAnswer,
  encodeSearch,
  IGD_TYPES,
  type PageLocation,
  SSDP_GROUP,
  SSDP_PORT,
} from "./ssdp.ts";

const SEARCH_TRIES = 2;
/** Devices answer the group within the second that MX names, and a busy one a little later. */
const SEARCH_MS = 1_500;
/** A gateway that has answered no page by then is taken for one that won't. */
const ANSWER_MS = 5_000;
/** How many ports are tried outside when one is taken. */
const PORT_TRIES = 4;
const MIN_RENEW_MS = 2_000;
const FIRST_FREE_PORT = 1024;

/** A port is asked for; `externalPort` is the one outside, and `tries` counts those that were asked for. */
interface MapStep {
  readonly kind: "map";
  readonly transport: MappedTransport;
  readonly externalPort: number;
  readonly tries: number;
}

type Step =
  | { readonly kind: "search"; readonly tries: number }
  | { readonly kind: "describe"; readonly location: PageLocation }
  | { readonly kind: "address" }
  | MapStep
  | { readonly kind: "delete"; readonly transport: MappedTransport }
  | { readonly kind: "idle" };

/** UPnP, asking one gateway. */
export class IgdClient implements MappingClient {
  readonly protocol = "upnp";
  readonly #target: MappingTarget;
  readonly #transmits: MappingTransmit[] = [];
  #state: MappingClient["state"] = "asking";
  #failure: MappingFailure = "no-answer";
  #step: Step = { kind: "idle" };
  /** When the step is too late, or idleness ends. */
  #until: number = Infinity;
  #request: MappingRequest | undefined;
  /** The id of the request whose answer is waited for; ids go up. */
  #requestId = 0;
  /** Services that have not been found wanting; the first is the one in use. */
  #connections: readonly WanConnection[] = [];
  #address: IpAddress | undefined;
  #privateAddress: IpAddress | undefined;
  readonly #external = new Map<MappedTransport, number>();
  #expiresAt = 0;
  #isReleasing = false;

  constructor(now: Millis, target: MappingTarget) {
    this.#target = target;
    this.#search(now, 1);
  }

  get state(): MappingClient["state"] {
    return this.#state;
  }

  get failure(): MappingFailure {
    return this.#failure;
  }

  get privateAddress(): IpAddress | undefined {
    return this.#privateAddress;
  }

  get ports(): MappedPorts {
    const address = this.#address;
    if (address === undefined || this.#state !== "mapped") return {};
    return Object.fromEntries(
      Array.from(this.#external, ([transport, port]) => [transport, new Endpoint(address, port)]),
    );
  }

  handleDatagram(now: Millis, datagram: Uint8Array): void {
    const { drops, gateway } = this.#target;
    if (this.#step.kind !== "search") return drops.count("mapping-unasked");
    const location = decodeSearchAnswer(datagram);
    if (location === undefined) return drops.count("mapping-malformed");
    // A page elsewhere would have this host ask whomever the answer names.
    if (!location.endpoint.address.equals(gateway)) return drops.count("mapping-nonsense");
    this.#ask(now, { kind: "describe", location }, location.endpoint, encodeDescriptionRequest(location));
  }

  handleAnswer(now: Millis, id: number, answer: HttpAnswer | undefined): void {
    if (id !== this.#requestId || this.#step.kind === "idle" || this.#step.kind === "search") {
      return this.#target.drops.count("mapping-unasked");
    }
    if (answer === undefined) return this.#miss(now);
    const step = this.#step;
    if (step.kind === "describe") return this.#takeDescription(now, answer, step.location);
    const said = decodeAction(answer);
    if (said === undefined) {
      this.#target.drops.count("mapping-malformed");
      this.#failure = "nonsense";
      return step.kind === "delete" ? this.#deleteNext(now, step.transport) : this.#fail(now);
    }
    if (step.kind === "address") this.#takeAddress(now, said);
    else if (step.kind === "map") this.#takeMapping(now, step, said);
    else this.#deleteNext(now, step.transport);
  }

  handleTimeout(now: Millis): void {
    if (this.#state === "failed" || this.#state === "released") return;
    if (this.#state === "mapped" && now >= this.#expiresAt) this.#state = "asking";
    if (now < this.#until) return;
    const step = this.#step;
    if (step.kind === "idle") this.#askAddress(now);
    else if (step.kind === "search" && step.tries < SEARCH_TRIES) this.#search(now, step.tries + 1);
    else this.#miss(now);
  }

  pollTransmit(): MappingTransmit | undefined {
    return this.#transmits.shift();
  }

  pollRequest(): MappingRequest | undefined {
    const request = this.#request;
    this.#request = undefined;
    return request;
  }

  pollTimeout(): Millis | undefined {
    if (this.#state === "failed" || this.#state === "released") return undefined;
    const at = this.#state === "mapped" ? Math.min(this.#until, this.#expiresAt) : this.#until;
    return Number.isFinite(at) ? millis(at) : undefined;
  }

  release(now: Millis): void {
    if (this.#isReleasing || this.#state === "failed" || this.#state === "released") return;
    this.#isReleasing = true;
    // What is being asked for may be given without the answer having come.
    if (this.#step.kind === "map" && !this.#external.has(this.#step.transport)) {
      this.#external.set(this.#step.transport, this.#step.externalPort);
    }
    this.#deleteNext(now, undefined);
  }

  #search(now: Millis, tries: number): void {
    this.#step = { kind: "search", tries };
    this.#until = now + SEARCH_MS;
    // A firewall of this host may let in what the gateway was asked itself, and not what answers a group.
    const destinations = [gatewayEndpoint(this.#target, SSDP_PORT), new Endpoint(SSDP_GROUP, SSDP_PORT)];
    for (const destination of destinations) {
      for (const type of IGD_TYPES) {
        this.#transmits.push({ datagram: encodeSearch(type, destination), destination });
      }
    }
  }

  #ask(now: Millis, step: Step, endpoint: Endpoint, bytes: Uint8Array): void {
    this.#step = step;
    this.#until = now + ANSWER_MS;
    this.#request = { id: ++this.#requestId, endpoint, bytes };
  }

  #askAddress(now: Millis): void {
    const [connection] = this.#connections;
    if (connection === undefined) return this.#search(now, 1);
    this.#ask(now, { kind: "address" }, connection.control.endpoint, encodeGetAddress(connection));
  }

  #askMapping(now: Millis, transport: MappedTransport, externalPort: number, tries: number): void {
    const [connection] = this.#connections;
    if (connection === undefined) return this.#fail(now);
    const { local, port, lifetimeSeconds: leaseSeconds } = this.#target;
    const mapping = { transport, externalPort, internal: new Endpoint(local, port), leaseSeconds };
    const isAny = !this.#external.has(transport);
    const bytes = encodeAddMapping(connection, mapping, isAny);
    const step = { kind: "map", transport, externalPort, tries } as const;
    this.#ask(now, step, connection.control.endpoint, bytes);
  }

  #takeDescription(now: Millis, { status, body }: HttpAnswer, location: PageLocation): void {
    this.#connections = status === 200 ? decodeDescription(body, location) : [];
    if (this.#connections.length > 0) return this.#askAddress(now);
    this.#failure = "unsupported";
    this.#fail(now);
  }

  #takeAddress(now: Millis, said: ActionAnswer): void {
    const address = said.kind === "done" ? externalAddressOf(said.values) : undefined;
    if (address !== undefined && isPublic(address) && address.family === this.#target.local.family) {
      this.#address = address;
      this.#privateAddress = undefined;
      return this.#mapNext(now, undefined);
    }
    if (address !== undefined && !address.isUnspecified) this.#privateAddress = address;
    this.#failure = this.#privateAddress === undefined ? "refused" : "not-public";
    // Of the services for several lines one may be up.
    this.#connections = this.#connections.slice(1);
    if (this.#connections.length > 0) this.#askAddress(now);
    else {
      // What stands leads to an address that the gateway no longer has.
      this.#expiresAt = 0;
      this.#fail(now);
    }
  }

  #takeMapping(now: Millis, step: MapStep, said: ActionAnswer): void {
    const { transport, externalPort, tries } = step;
    if (said.kind === "done") {
      const [connection] = this.#connections;
      const isAny = connection !== undefined && hasAnyPort(connection) && !this.#external.has(transport);
      const external = isAny ? reservedPortOf(said.values) : externalPort;
      if (external !== undefined) this.#external.set(transport, external);
      else {
        this.#target.drops.count("mapping-nonsense");
        this.#failure = "nonsense";
      }
      return this.#mapNext(now, transport);
    }
    this.#external.delete(transport);
    if (said.code === IGD_ERROR.CONFLICT && tries < PORT_TRIES) {
      const another = FIRST_FREE_PORT + randomUint32(this.#target.random) % (65536 - FIRST_FREE_PORT);
      return this.#askMapping(now, transport, another, tries + 1);
    }
    // One that keeps mappings for ever only (725) has refused too: what a killed node leaves open nobody would close.
    this.#failure = "refused";
    this.#mapNext(now, transport);
  }

  /** @param done the one before, or undefined for the first */
  #mapNext(now: Millis, done: MappedTransport | undefined): void {
    const { transports, port, lifetimeSeconds } = this.#target;
    const next = transports[done === undefined ? 0 : transports.indexOf(done) + 1];
    if (next !== undefined) return this.#askMapping(now, next, this.#external.get(next) ?? port, 1);
    if (this.#external.size === 0) return this.#fail(now);
    this.#state = "mapped";
    this.#step = { kind: "idle" };
    this.#expiresAt = now + 1000 * lifetimeSeconds;
    this.#until = now + Math.max(MIN_RENEW_MS, 500 * lifetimeSeconds);
  }

  #deleteNext(now: Millis, done: MappedTransport | undefined): void {
    if (done !== undefined) this.#external.delete(done);
    const [transport] = this.#external.keys();
    const [connection] = this.#connections;
    if (transport === undefined || connection === undefined) {
      this.#external.clear();
      this.#state = "released";
      return;
    }
    const externalPort = this.#external.get(transport) ?? this.#target.port;
    const bytes = encodeDeleteMapping(connection, { transport, externalPort });
    this.#ask(now, { kind: "delete", transport }, connection.control.endpoint, bytes);
  }

  /** Nobody answered. */
  #miss(now: Millis): void {
    const { kind } = this.#step;
    this.#requestId++;
    this.#failure = "no-answer";
    if (this.#isReleasing) {
      // Whoever doesn't answer once is not asked for each.
      this.#external.clear();
      return this.#deleteNext(now, undefined);
    }
    // A gateway that has restarted may serve its pages at another port.
    if (this.#state === "mapped" && kind !== "search" && kind !== "describe") return this.#search(now, 1);
    this.#fail(now);
  }

  /** What stands stays until it expires, and is asked for again at half of what is left. */
  #fail(now: Millis): void {
    const left = this.#expiresAt - now;
    if (this.#state !== "mapped" || left <= 0 || this.#external.size === 0) {
      this.#state = "failed";
      return;
    }
    this.#step = { kind: "idle" };
    this.#until = now + Math.max(MIN_RENEW_MS, left / 2);
  }
}
