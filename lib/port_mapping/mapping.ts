/**
 * What the three protocols have in common: what is asked of a gateway, and what became of it.
 * @module
 */

import type { Counters, Millis, RandomSource } from "../base/mod.ts";
import { Cidr, Endpoint, hostlessBlock, type IpAddress, isPrivateBlock } from "../net/mod.ts";

/** By which protocol a gateway is asked. */
export type MappingProtocol = "pcp" | "nat-pmp" | "upnp";

/** What kind of port is mapped. */
export type MappedTransport = "udp" | "tcp";

/**
 * Why a protocol brought nothing: no answer came, the gateway doesn't speak it or won't do it, what it answered can't be
 * true, or it has no address on the Internet itself.
 */
export type MappingFailure = "no-answer" | "unsupported" | "refused" | "nonsense" | "not-public";

/** Why what came from a network was dropped. */
export type MappingDropReason = typeof MAPPING_DROP_REASONS[number];

/** All of them, for counters that show zeros. */
export const MAPPING_DROP_REASONS = [
  "mapping-foreign",
  "mapping-malformed",
  "mapping-unasked",
  "mapping-nonsense",
] as const;

/** What is to be mapped, and in which gateway. */
export interface MappingTarget {
  /** The gateway's address in this host's own network. */
  readonly gateway: IpAddress;
  /** The number of the interface that leads to it, when its address is link-local; 0 otherwise. */
  readonly zone: number;
  /** This host's address, from which it is asked and to which it is to lead. */
  readonly local: IpAddress;
  /** The port of this host, 1 to 65535; the same one is asked for outside. */
  readonly port: number;
  readonly transports: readonly MappedTransport[];
  /** For how long a mapping is asked for, in seconds. */
  readonly lifetimeSeconds: number;
  /**
   * 12 bytes by which PCP's server knows whose a mapping is; drawn unless given. Without those of before, a host that was
   * started anew is refused what it has (RFC 6887 §11.3).
   */
  readonly nonce?: Uint8Array;
  /** Draws nonces and, when the port is taken outside, others. */
  readonly random: RandomSource;
  readonly drops: Counters<MappingDropReason>;
}

/** A datagram that is to be sent. */
export interface MappingTransmit {
  readonly datagram: Uint8Array;
  readonly destination: Endpoint;
}

/** A request by HTTP: the bytes to send to a TCP port, after which its answer is read. */
export interface MappingRequest {
  /** Names it when its answer is handed in. */
  readonly id: number;
  readonly endpoint: Endpoint;
  readonly bytes: Uint8Array;
}

/** Which ports are mapped, and until when. */
export interface MappedPorts {
  readonly udp?: Endpoint;
  readonly tcp?: Endpoint;
}

/** One protocol at work. Everything of it may be called early and often. */
export interface MappingClient {
  readonly protocol: MappingProtocol;
  /** Asks, has what it asked for, can't have it, or has given it back. */
  readonly state: "asking" | "mapped" | "failed" | "released";
  /** Why it can't have it, once it has failed. */
  readonly failure: MappingFailure;
  /** An address that the gateway calls its own and that nobody on the Internet reaches. */
  readonly privateAddress: IpAddress | undefined;
  readonly ports: MappedPorts;
  /** @param source an endpoint of the gateway */
  handleDatagram(now: Millis, datagram: Uint8Array, source: Endpoint): void;
  /** @param answer the body of an answer of 200 or 500, or undefined when there was none */
  handleAnswer(now: Millis, id: number, answer: HttpAnswer | undefined): void;
  handleTimeout(now: Millis): void;
  pollTransmit(): MappingTransmit | undefined;
  pollRequest(): MappingRequest | undefined;
  pollTimeout(): Millis | undefined;
  /** Begins to give back what it has. */
  release(now: Millis): void;
}

/** What an HTTP server answered. */
export interface HttpAnswer {
  /** 100 to 599. */
  readonly status: number;
  readonly body: Uint8Array;
}

/** Mappings that go sooner are none: they would be asked for all the time. In seconds. */
export const MIN_LIFETIME_SECONDS = 4;

/** @returns whether somebody on the Internet can send there, as far as the address says */
export function isPublic(address: IpAddress): boolean {
  const block = Cidr.of(address, 8 * address.bytes.length);
  return hostlessBlock(block) === undefined && !isPrivateBlock(block);
}

/** @returns whether two sets of ports are the same */
export function equalPorts(a: MappedPorts, b: MappedPorts): boolean {
  return String(a.udp) === String(b.udp) && String(a.tcp) === String(b.tcp);
}

/** @returns a port of the gateway */
export function gatewayEndpoint({ gateway, zone }: MappingTarget, port: number): Endpoint {
  return new Endpoint(gateway, port, { zone });
}
