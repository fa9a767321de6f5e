/**
 * Whose a packet is that has come from another host: the driver by its carrier, the network by its identifier, and whether
 * the sender has endpoints there.
 * @module
 */

import type { IpFamily } from "../../net/mod.ts";
import { DecodedHeader, type OverlayDriver } from "../../overlay/mod.ts";
import { carrierHeaderBytes, carrierOf, isCarrierHeader } from "./carrier.ts";
import type { EngineNetwork, EngineRemote } from "./engine_network.ts";

/** What taking a tag out of a frame may rewrite: the carrier's header, the addresses and two tags. */
const REWRITTEN_BYTES = 32;

/** Where a packet came from: an address of an underlay in memory, or a member by its channel. */
export type PacketSource =
  | { readonly kind: "member" | "plain"; bytes: Uint8Array; at: number; family: IpFamily }
  | { readonly kind: "channel"; nodeId: string };

interface DriverUse {
  readonly driver: OverlayDriver;
  readonly networks: Map<number, EngineNetwork>;
}

/** Whose a packet is. */
export type Recognition =
  /** Of no network of this host. */
  | "unknown"
  /** It goes no further, and was counted. */
  | "dropped"
  /** Of this host's network; `header` says where the payload is. */
  | EngineRemote;

/** Networks of one underlay by what stands on the wire. */
export class PacketDecoder {
  readonly header: DecodedHeader = new DecodedHeader();
  readonly #uses = new Map<number, DriverUse[]>();
  readonly #kept = new Uint8Array(REWRITTEN_BYTES);
  readonly #countFailure: (reason: string) => void;
  readonly #isPlain: boolean;

  /**
   * @param countFailure is told of packets that are of no network because the driver cannot read them
   * @param isPlain a socket of the plain underlay tells carriers apart: all have the number 0
   */
  constructor(countFailure: (reason: string) => void, isPlain = false) {
    this.#countFailure = countFailure;
    this.#isPlain = isPlain;
  }

  /** @throws RangeError when another network has the identifier */
  add(network: EngineNetwork): void {
    const { driver, definition: { identifier, name } } = network;
    const carrier = this.#carrierOf(driver);
    const uses = this.#uses.get(carrier) ?? [];
    let use = uses.find((one) => one.driver === driver);
    if (use?.networks.has(identifier)) {
      throw new RangeError(`Cannot carry ${name}: another network has ${driver.name}'s ${identifier}`);
    }
    if (use === undefined) uses.push(use = { driver, networks: new Map() });
    use.networks.set(identifier, network);
    this.#uses.set(carrier, uses);
  }

  remove(network: EngineNetwork): void {
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
  ): Recognition {
    const uses = this.#uses.get(carrier);
    if (uses === undefined) return "unknown";
    let failure: string | undefined;
    let stranger: EngineNetwork | undefined;
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
      const remote = network && remoteOf(network, source);
      if (remote !== undefined && refused === undefined) return remote;
      if (isRewritten) bytes.set(this.#kept.subarray(0, Math.min(lengthBytes, REWRITTEN_BYTES)), at);
      if (problem !== undefined) failure = problem;
      else if (remote !== undefined) {
        remote.network.countDrop(`header-${refused}`);
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

function remoteOf(network: EngineNetwork, source: PacketSource): EngineRemote | undefined {
  if (source.kind === "channel") return network.channels.get(source.nodeId);
  const table = source.kind === "member" ? network.members : network.hosts;
  return table.find(source.bytes, source.at, source.family);
}
