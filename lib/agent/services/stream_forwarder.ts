/**
 * Connections by name between nodes, over their channels: dialled here, and accepted here.
 * @module
 */

import type { ChannelStream } from "../../channel/mod.ts";
import {
  acceptForward,
  awaitAccepted,
  connectTcp,
  decodeForwardHeader,
  type DialRefusal,
  type Duplex,
  duplexPair,
  encodeForwardHeader,
  FORWARD_TOPIC,
  isRefusal,
  PortOffer,
  type Refusal,
  REFUSAL_CODES,
  relay,
} from "../../forward/mod.ts";
import { IpAddress } from "../../net/mod.ts";
import { isProgram, type PeerId, PeerTally } from "../../service/mod.ts";
import { InvalidRequestError } from "../errors.ts";
import type { MeshPeers } from "./mesh_peers.ts";

/** How long the other end may take to accept a connection. */
const DIAL_TIMEOUT_MS = 10_000;

/** How many connections one peer may have open here. */
const MAX_STREAMS_PER_PEER = 512;

/** A connection that somebody has opened to a port of this node. */
export interface IncomingConnection {
  readonly stream: Duplex;
  /** Who has opened it. */
  readonly peer: PeerId;
  /** The host that was dialled, as the other end had it. */
  readonly host: string;
  readonly port: number;
}

/** Who may come to a port. */
export interface ListenOptions {
  /** A selector such as `role=web`; every member by default. */
  readonly allow?: string;
}

/** A port that is served. */
export interface PortListener extends AsyncDisposable {
  readonly port: number;
  /** Serves it no more. Harmless when repeated. */
  close(): Promise<void>;
}

interface StreamForwarderParts {
  /** @returns who has this name or address */
  find(host: string): PeerId | undefined;
  readonly peers: Pick<MeshPeers, "self" | "reach" | "channel" | "selector">;
  /** An address of this node at which every member that has a tunnel reaches its ports anyway; undefined for none. */
  ownAddress(): string | undefined;
}

interface Port {
  readonly allows: (peer: PeerId) => boolean;
  /** Accepts, or resets the stream. */
  readonly serve: (connection: IncomingConnection) => void;
}

/** Dials and accepts. */
export class StreamForwarder {
  readonly #parts: StreamForwarderParts;
  readonly #ports = new Map<number, Port>();
  readonly #offers = new Set<PortOffer>();
  /** How many connections each peer has opened here. */
  readonly #streams = new PeerTally();
  readonly #abort = new AbortController();

  constructor(parts: StreamForwarderParts) {
    this.#parts = parts;
  }

  /**
   * Serves a port by a function, which has to accept each connection by reading or writing, or reset it.
   * @throws InvalidRequestError when the port is none or is served already
   */
  listen(
    port: number,
    accept: (connection: IncomingConnection) => void,
    options: ListenOptions = {},
  ): PortListener {
    return this.#open(port, options, (connection) => {
      void acceptForward(connection.stream);
      accept(connection);
    });
  }

  /** Serves a port by a TCP service of this host. @throws InvalidRequestError */
  offer(
    port: number,
    service: { readonly hostname?: string; readonly port: number },
    options: ListenOptions = {},
  ): PortListener {
    const offer = new PortOffer(service);
    const listener = this.#open(port, options, ({ stream }) => {
      void offer.serve(stream, () => void acceptForward(stream));
    });
    this.#offers.add(offer);
    const close = async () => {
      await listener.close();
      this.#offers.delete(offer);
      await offer.stop();
    };
    return { port, close, [Symbol.asyncDispose]: close };
  }

  /**
   * Opens a connection to a port of a node.
   * @param host a name or address of a node
   * @returns it once the other end has accepted, or why there is none
   */
  async dial(host: string, port: number, signal: AbortSignal): Promise<Duplex | DialRefusal> {
    const { find, peers } = this.#parts;
    const peer = find(host);
    const header = tryEncodeHeader(host, port);
    if (header === undefined || peer === undefined) return { refusal: "no-such-name" };
    if (peer === peers.self) return await this.#dialSelf(peer, host, port, signal);
    if (!await peers.reach(peer)) return { refusal: "network-unreachable" };
    const stream = peers.channel(peer)?.openStream(FORWARD_TOPIC, header);
    if (stream === undefined) return { refusal: "network-unreachable" };
    return await awaitAccepted(stream, { signal, timeoutMs: DIAL_TIMEOUT_MS });
  }

  handleStream(peer: PeerId, header: Uint8Array, stream: ChannelStream): void {
    if (!this.#admit(peer, stream)) return refuse(stream, "failed");
    const target = decodeForwardHeader(header);
    if (target === undefined || this.#abort.signal.aborted) return stream.reset(REFUSAL_CODES.failed);
    if (isProgram(peer)) return void this.#dialFor(stream, target.host, target.port);
    const served = this.#ports.get(target.port);
    if (served === undefined) return void this.#serveAnyway(stream, target.port);
    if (!served.allows(peer)) return refuse(stream, "refused-by-policy");
    served.serve({ stream, peer, host: target.host, port: target.port });
  }

  /** Ends what is open. */
  async close(): Promise<void> {
    this.#abort.abort();
    this.#ports.clear();
    await Promise.all([...this.#offers].map((offer) => offer.stop()));
    this.#offers.clear();
  }

  async #dialSelf(
    peer: PeerId,
    host: string,
    port: number,
    signal: AbortSignal,
  ): Promise<Duplex | DialRefusal> {
    const limits = { signal, timeoutMs: DIAL_TIMEOUT_MS };
    const served = this.#ports.get(port);
    if (served !== undefined) {
      const [near, far] = duplexPair();
      served.serve({ stream: far, peer, host, port });
      return await awaitAccepted(near, limits);
    }
    const hostname = this.#parts.ownAddress();
    if (hostname === undefined) return { refusal: "connection-refused" };
    return await connectTcp(hostname, port, limits);
  }

  #open(port: number, options: ListenOptions, serve: Port["serve"]): PortListener {
    if (!Number.isInteger(port) || port < 1 || port > 65_535) {
      throw new InvalidRequestError(`Cannot listen on port ${port}: ports are 1 to 65535`);
    }
    if (this.#ports.has(port)) {
      throw new InvalidRequestError(`Cannot listen on port ${port} of the mesh: it is served already`);
    }
    const allows = options.allow === undefined ? () => true : this.#parts.peers.selector(options.allow);
    const served: Port = { allows, serve };
    this.#ports.set(port, served);
    const close = () => {
      if (this.#ports.get(port) === served) this.#ports.delete(port);
      return Promise.resolve();
    };
    return { port, close, [Symbol.asyncDispose]: close };
  }

  /** One member can't take all the connections that there may be. */
  #admit(peer: PeerId, stream: ChannelStream): boolean {
    if (this.#streams.of(peer) >= MAX_STREAMS_PER_PEER) return false;
    this.#streams.add(peer, 1);
    void stream.closed.then(() => this.#streams.add(peer, -1));
    return true;
  }

  /** What members with a tunnel reach, those without one may reach too. */
  #serveAnyway(stream: ChannelStream, port: number): void {
    const hostname = this.#parts.ownAddress();
    if (hostname === undefined) return refuse(stream, "connection-refused");
    const offer = new PortOffer({ hostname, port });
    this.#offers.add(offer);
    void offer.serve(stream, () => void acceptForward(stream)).finally(() => this.#offers.delete(offer));
  }

  /** A program that is attached has no channels of its own. */
  async #dialFor(stream: ChannelStream, host: string, port: number): Promise<void> {
    const { signal } = this.#abort;
    // What goes wrong in a dial is that connection's failure, and nothing else's.
    const there = await this.dial(host, port, signal).catch((): DialRefusal => ({ refusal: "failed" }));
    if (isRefusal(there)) return refuse(stream, there.refusal);
    await acceptForward(stream);
    await relay(stream, there, signal);
  }
}

/**
 * @param host as a person writes it
 * @returns the header of a stream to it; undefined when there can't be such a host
 * @throws RangeError when the port is none
 */
export function tryEncodeHeader(host: string, port: number): Uint8Array | undefined {
  const name = IpAddress.parse(host)?.toString() ?? host.toLowerCase();
  try {
    return encodeForwardHeader({ host: name, port });
  } catch (error) {
    if (Number.isInteger(port) && port >= 1 && port <= 65_535) return undefined;
    throw error;
  }
}

function refuse(stream: Duplex, refusal: Refusal): void {
  stream.reset(REFUSAL_CODES[refusal]);
}
