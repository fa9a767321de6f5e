/**
 * Opening a port in a gateway: each protocol in turn until one does it, then that one as long as it does.
 *
 * ```
 *   PCP ──can't──▶ NAT-PMP ──can't──▶ UPnP ──can't──▶ pause ──▶ PCP …
 *    └──────────────────┴───────────────┴──▶ mapped ──lost──▶ PCP …
 * ```
 *
 * A pause is 30 s at first and half an hour at most.
 *
 * @module
 */

import { Counters, type Millis, millis } from "../base/mod.ts";
import type { Endpoint, IpAddress } from "../net/mod.ts";
import { GatewayClient } from "./gateway_client.ts";
import { IgdClient } from "./igd_client.ts";
import {
  type HttpAnswer,
  type MappedPorts,
  MAPPING_DROP_REASONS,
  type MappingClient,
  type MappingDropReason,
  type MappingFailure,
  type MappingProtocol,
  type MappingRequest,
  type MappingTarget,
  type MappingTransmit,
} from "./mapping.ts";

const FIRST_PAUSE_MS = 30_000;
const MAX_PAUSE_MS = 1_800_000;
/** What can't be given back by then is left to expire. */
const RELEASE_MS = 3_000;
/**
 * What a node asks for: one that is killed leaves its mappings for so long and no longer, and a gateway that has restarted is
 * noticed after half of it. RFC 6886 §3.3 recommends 7,200.
 */
const DEFAULT_LIFETIME_SECONDS = 1_200;
/** Nobody needs more, whatever a gateway grants (RFC 6886 §3.3). */
const MAX_LIFETIME_SECONDS = 7_200;

/** What is to be mapped, and how. */
export interface PortMapperOptions extends Omit<MappingTarget, "drops" | "lifetimeSeconds"> {
  /** In seconds, 4 to 7,200; 1,200 unless given. */
  readonly lifetimeSeconds?: number;
  /** Which to try, in this order; by default all that the gateway's family has. */
  readonly protocols?: readonly MappingProtocol[];
}

/** How it stands. */
export type PortMappingState =
  | { readonly kind: "asking"; readonly protocol: MappingProtocol }
  | { readonly kind: "mapped"; readonly protocol: MappingProtocol; readonly ports: MappedPorts }
  | {
    readonly kind: "unmapped";
    /** Why not, by protocol. */
    readonly failures: Partial<Readonly<Record<MappingProtocol, MappingFailure>>>;
    /** What the gateway calls its outside address, when nobody on the Internet reaches it: there is another NAT. */
    readonly privateAddress?: IpAddress;
  }
  | { readonly kind: "released" };

/** One host's ports in one gateway. `handleTimeout` may be called early and often. */
export class PortMapper {
  readonly #target: MappingTarget;
  readonly #protocols: readonly MappingProtocol[];
  /** How much was dropped, by reason. */
  readonly drops: Counters<MappingDropReason> = new Counters(MAPPING_DROP_REASONS);
  #client: MappingClient;
  /** The position of the protocol that is being tried. */
  #index = 0;
  #pauses = 0;
  /** When to begin anew, while nothing is tried. */
  #beginAt: Millis | undefined;
  #failures: Partial<Record<MappingProtocol, MappingFailure>> = {};
  #privateAddress: IpAddress | undefined;
  #releaseBy: Millis | undefined;
  /** What the one before has left to say. */
  readonly #transmits: MappingTransmit[] = [];
  #wasMapped = false;

  /** @throws RangeError when the port or the lifetime is none */
  constructor(now: Millis, options: PortMapperOptions) {
    const { port, gateway, lifetimeSeconds = DEFAULT_LIFETIME_SECONDS } = options;
    if (!Number.isInteger(port) || port < 1 || port > 65535) {
      throw new RangeError(`Cannot map port ${port}: ports are 1 to 65535`);
    }
    if (!(lifetimeSeconds >= 4 && lifetimeSeconds <= MAX_LIFETIME_SECONDS)) {
      throw new RangeError(`Cannot map for ${lifetimeSeconds} s: 4 to ${MAX_LIFETIME_SECONDS} are possible`);
    }
    this.#target = { ...options, lifetimeSeconds, drops: this.drops };
    // RFC 6886 is of IPv4 alone; UPnP has something else for IPv6.
    this.#protocols = options.protocols ?? (gateway.family === 4 ? ["pcp", "nat-pmp", "upnp"] : ["pcp"]);
    this.#client = this.#newClient(now);
  }

  /** How it stands. */
  get state(): PortMappingState {
    const { state, protocol, ports } = this.#client;
    if (this.isReleased) return { kind: "released" };
    if (state === "mapped") return { kind: "mapped", protocol, ports };
    if (this.#beginAt === undefined && this.#pauses === 0) return { kind: "asking", protocol };
    return {
      kind: "unmapped",
      failures: this.#failures,
      ...this.#privateAddress !== undefined && { privateAddress: this.#privateAddress },
    };
  }

  /** Whether everything was given back, or it is too late for that. */
  get isReleased(): boolean {
    return this.#releaseBy !== undefined &&
      (this.#client.state === "released" || this.#client.state === "failed");
  }

  /** @param source where it came from */
  handleDatagram(now: Millis, datagram: Uint8Array, source: Endpoint): void {
    if (!source.address.equals(this.#target.gateway)) return this.drops.count("mapping-foreign");
    if (this.#beginAt !== undefined) return this.drops.count("mapping-unasked");
    this.#client.handleDatagram(now, datagram, source);
    this.#follow(now);
  }

  /** @param answer what was answered to a request of `pollRequest`, or undefined when nothing was that makes sense */
  handleAnswer(now: Millis, id: number, answer: HttpAnswer | undefined): void {
    if (this.#beginAt !== undefined) return this.drops.count("mapping-unasked");
    this.#client.handleAnswer(now, id, answer);
    this.#follow(now);
  }

  handleTimeout(now: Millis): void {
    if (this.isReleased) return;
    if (this.#beginAt !== undefined) {
      if (now < this.#beginAt) return;
      this.#beginAt = undefined;
      this.#index = 0;
      this.#client = this.#newClient(now);
    }
    this.#client.handleTimeout(now);
    if (this.#releaseBy !== undefined && now >= this.#releaseBy) {
      this.#client = new NoClient(this.#client.protocol);
    }
    this.#follow(now);
  }

  /** @returns a datagram to send, or undefined */
  pollTransmit(): MappingTransmit | undefined {
    return this.#transmits.shift() ?? this.#client.pollTransmit();
  }

  /** @returns a request to make, or undefined; its answer goes to `handleAnswer` */
  pollRequest(): MappingRequest | undefined {
    return this.#client.pollRequest();
  }

  /** @returns when `handleTimeout` has something to do; undefined when it is over */
  pollTimeout(): Millis | undefined {
    if (this.isReleased) return undefined;
    if (this.#beginAt !== undefined) return this.#beginAt;
    const at = this.#client.pollTimeout();
    if (this.#releaseBy === undefined) return at;
    return at === undefined || at > this.#releaseBy ? this.#releaseBy : at;
  }

  /** Gives back what it has, within 3 s; nothing is mapped any more from now on. */
  release(now: Millis): void {
    if (this.#releaseBy !== undefined) return;
    this.#releaseBy = millis(now + RELEASE_MS);
    if (this.#beginAt !== undefined) this.#client = new NoClient(this.#client.protocol);
    this.#beginAt = undefined;
    this.#client.release(now);
  }

  #newClient(now: Millis): MappingClient {
    const protocol = this.#protocols[this.#index] ?? "pcp";
    if (protocol === "upnp") return new IgdClient(now, this.#target);
    return new GatewayClient(now, protocol, this.#target);
  }

  /** Goes on to the next protocol when one has failed, and pauses behind the last. */
  #follow(now: Millis): void {
    if (this.#releaseBy !== undefined) return;
    const { state, protocol, failure, privateAddress } = this.#client;
    if (state === "mapped") {
      this.#wasMapped = true;
      this.#pauses = 0;
      this.#failures = {};
      this.#privateAddress = undefined;
    }
    if (state !== "failed") return;
    this.#failures = { ...this.#failures, [protocol]: failure };
    this.#privateAddress = privateAddress ?? this.#privateAddress;
    for (let left = this.#client.pollTransmit(); left; left = this.#client.pollTransmit()) {
      this.#transmits.push(left);
    }
    // The gateway may be another one now, that speaks something else.
    this.#index = this.#wasMapped ? 0 : this.#index + 1;
    this.#wasMapped = false;
    if (this.#index < this.#protocols.length) {
      this.#client = this.#newClient(now);
      return this.#client.handleTimeout(now);
    }
    this.#beginAt = millis(now + Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#pauses));
    this.#pauses++;
  }
}

/** What is left when there was nothing to give back, or no time. */
class NoClient implements MappingClient {
  readonly protocol: MappingProtocol;
  readonly state = "released";
  readonly failure = "no-answer";
  readonly privateAddress = undefined;
  readonly ports: MappedPorts = {};

  constructor(protocol: MappingProtocol) {
    this.protocol = protocol;
  }

  handleDatagram(): void {}
  handleAnswer(): void {}
  handleTimeout(): void {}
  pollTransmit(): undefined {}
  pollRequest(): undefined {}
  pollTimeout(): undefined {}
  release(): void {}
}
