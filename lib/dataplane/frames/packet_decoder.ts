/**
 * Whose a packet is that has come from another host: the driver by its carrier, the network by its identifier, and whether
 * the sender has endpoints there.
 * @module
 */

import type { IpFamily } from "../../net/mod.ts";
import {
  DecodedHeader,
  type DecodeFailure,
  type Encapsulation,
  type OverlayDriver,
} from "../../overlay/mod.ts";
import { carrierHeaderBytes, carrierOf, isCarrierHeader } from "./carrier.ts";
import type { PlaneNetwork } from "./frame_plane.ts";

/** What taking a tag out of a frame may rewrite: the carrier's header, the addresses and two tags. */
const REWRITTEN_BYTES = 32;

/** Where a packet came from: an address of an underlay in memory, or a member by its channel. */
export type PacketSource =
  | { readonly kind: "member" | "plain"; bytes: Uint8Array; at: number; family: IpFamily }
  | { readonly kind: "channel"; nodeId: string };

/** A network, and who sends in it. */
export interface DecodedNetwork<Remote> {
  readonly definition: Pick<PlaneNetwork, "network" | "identifier" | "name">;
  readonly driver: OverlayDriver;
  readonly encapsulation: Encapsulation;
  /** @returns who sends from there, if that one has an endpoint in the network */
  remoteOf(source: PacketSource): Remote | undefined;
  countDrop(reason: `header-${DecodeFailure}` | "not-a-member" | "from-host"): void;
}

interface DriverUse<Remote> {
  readonly driver: OverlayDriver;
  readonly networks: Map<number, DecodedNetwork<Remote>>;
}

/** Whose a packet is. */
export type Recognition<Remote> =
  /** Of no network of this host. */
  | "unknown"
  /** It goes no further, and was counted. */
  | "dropped"
  /** Of this host's network; `header` says where the payload is. */
  | Remote;

/** Networks of one underlay by what stands on the wire. */
export class PacketDecoder<Remote extends object> {
  readonly header: DecodedHeader = new DecodedHeader();
  readonly #uses = new Map<number, DriverUse<Remote>[]>();
  readonly #kept = new Uint8Array(REWRITTEN_BYTES);
  readonly #countFailure: (reason: DecodeFailure) => void;
  readonly #isPlain: boolean;

  /**
   * @param countFailure is told of packets that are of no network because the driver cannot read them
   * @param isPlain a socket of the plain underlay tells carriers apart: all have the number 0
   */
  constructor(countFailure: (reason: DecodeFailure) => void, isPlain = false) {
    this.#countFailure = countFailure;
    this.#isPlain = isPlain;
  }

  /** What the same network was before may still be there. @throws RangeError when another network has the identifier */
  add(network: DecodedNetwork<Remote>): void {
    const { driver, definition: { identifier, name, network: number } } = network;
    const carrier = this.#carrierOf(driver);
    const uses = this.#uses.get(carrier) ?? [];
    let use = uses.find((one) => one.driver.name === driver.name);
    const holder = use?.networks.get(identifier);
    if (holder !== undefined && holder.definition.network !== number) {
      throw new RangeError(`Cannot carry ${name}: another network has ${driver.name}'s ${identifier}`);
    }
    if (use === undefined) uses.push(use = { driver, networks: new Map() });
    use.networks.set(identifier, network);
    this.#uses.set(carrier, uses);
  }

  remove(network: DecodedNetwork<Remote>): void {
    const carrier = this.#carrierOf(network.driver);
    const uses = this.#uses.get(carrier) ?? [];
    const use = uses.find((one) => one.networks.get(network.definition.identifier) === network);
    use?.networks.delete(network.definition.identifier);
    const rest = uses.filter(({ networks }) => networks.size > 0);
    if (rest.length === 0) this.#uses.delete(carrier);
    else this.#uses.set(carrier, rest);
  }

  /** Whether it has no network. */
  get isEmpty(): boolean {
    return this.#uses.size === 0;
  }

  /** Whether any network's packets come so. */
  expects(carrier: number): boolean {
    return this.#uses.has(carrier);
  }

  /** @param at behind the outer headers @returns the network that a packet names, whoever sends it; the packet is as it was */
  networkOf(
    carrier: number,
    bytes: Uint8Array,
    at: number,
    lengthBytes: number,
  ): DecodedNetwork<Remote> | undefined {
    const uses = this.#uses.get(carrier);
    if (uses === undefined) return undefined;
    for (const { driver, networks } of uses) {
      if (!isCarrierHeader(driver, bytes, at, lengthBytes)) continue;
      const headerBytes = carrierHeaderBytes(driver);
      this.#keep(bytes, at, lengthBytes);
      const problem = driver.decode(bytes, at + headerBytes, lengthBytes - headerBytes, this.header);
      bytes.set(this.#kept.subarray(0, Math.min(lengthBytes, REWRITTEN_BYTES)), at);
      const network = problem === undefined ? networks.get(this.header.identifier) : undefined;
      if (network !== undefined) return network;
    }
    return undefined;
  }

  /**
   * What is unknown is as it was before; otherwise what stands before the payload may have been rewritten.
   * @param at behind the outer headers
   */
  decode(
    carrier: number,
    bytes: Uint8Array,
    at: number,
    lengthBytes: number,
    source: PacketSource,
  ): Recognition<Remote> {
    const uses = this.#uses.get(carrier);
    if (uses === undefined) return "unknown";
    let failure: DecodeFailure | undefined;
    let stranger: DecodedNetwork<Remote> | undefined;
    for (const { driver, networks } of uses) {
      const headerAt = at + carrierHeaderBytes(driver);
      const headerLength = lengthBytes - (headerAt - at);
      if (!isCarrierHeader(driver, bytes, at, lengthBytes)) {
        failure = "bad-version";
        continue;
      }
      const isRewritten = driver.capabilities.transport.kind === "link";
      if (isRewritten) this.#keep(bytes, at, lengthBytes);
      const header = this.header;
      const problem = driver.decode(bytes, headerAt, headerLength, header);
      const network = problem === undefined ? networks.get(header.identifier) : undefined;
      const refused = network?.encapsulation.accept(bytes, header);
      const remote = network?.remoteOf(source);
      if (remote !== undefined && refused === undefined) return remote;
      if (isRewritten) bytes.set(this.#kept.subarray(0, Math.min(lengthBytes, REWRITTEN_BYTES)), at);
      if (problem !== undefined) failure = problem;
      else if (remote !== undefined && refused !== undefined) {
        network?.countDrop(`header-${refused}`);
        return "dropped";
      } else stranger ??= network;
    }
    if (stranger !== undefined) {
      stranger.countDrop("not-a-member");
      return "dropped";
    }
    if (failure === undefined) return "unknown";
    this.#countFailure(failure);
    return "dropped";
  }

  #carrierOf({ capabilities: { transport } }: OverlayDriver): number {
    return this.#isPlain ? 0 : carrierOf(transport);
  }

  #keep(bytes: Uint8Array, at: number, lengthBytes: number): void {
    const length = Math.min(lengthBytes, REWRITTEN_BYTES);
    for (let i = 0; i < length; i++) this.#kept[i] = bytes[at + i] ?? 0;
  }
}
