/**
 * Connections by name between nodes: dialled here, and accepted here.
 *
 * A connection that comes over a channel is this node's own where it leads: the rules that this host's firewall has for
 * the interface never see who it is of. So a channel leads to what is offered and to nothing else, unless the node was
 * told who may have more; and a node that has an interface goes through its tunnel to what is not offered, as every
 * other program of its host does, so that the firewall there sees the member's address.
 *
 * @module
 */

import type { ChannelStream } from "../../channel/mod.ts";
import {
  acceptForward,
  awaitAccepted,
  connectTcp,
  decodeForwardHeader,
  type DialLimits,
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
import type { MessageGuard } from "../../policy/mod.ts";
import { isProgram, type PeerId, PeerTally } from "../../service/mod.ts";
import { InvalidRequestError } from "../errors.ts";
import type { MeshPeers } from "../peers/mod.ts";

/** How long the other end may take to accept a connection. */
const DIAL_TIMEOUT_MS = 10_000;

/** What a channel is refused with where the tunnel may lead further. */
const NOT_OFFERED: ReadonlySet<Refusal> = new Set(["connection-refused", "network-unreachable"]);

/** How many connections one peer may have open here. */
const MAX_STREAMS_PER_PEER = 512;

const LOOPBACK = "127.0.0.1";

/** A connection that somebody has opened to a port of this node. */
export interface IncomingConnection {
  /** The bytes of both directions. */
  readonly stream: Duplex;
  /** Who has opened it. */
  readonly peer: PeerId;
  /** The host that was dialled, as the other end had it. */
  readonly host: string;
  /** The port that was dialled, 1 to 65535. */
  readonly port: number;
}

/** Who may come to a port. */
export interface ListenOptions {
  /** A selector such as `role=web`; every member by default. */
  readonly allow?: string;
}

/** A port that is served. */
export interface PortListener extends AsyncDisposable {
  /** 1 to 65535. */
  readonly port: number;
  /** Serves it no more. Harmless when repeated. */
  close(): Promise<void>;
}

interface StreamForwarderParts {
  readonly peers: Pick<MeshPeers, "self" | "find" | "reach" | "channel" | "selector">;
  /** What the network's policy says; nothing unless given. */
  readonly policy?: Pick<MessageGuard, "admitConnection" | "mayConnect">;
  /** An address of this node that its own programs listen at; undefined without an interface. */
  ownAddress(): string | undefined;
  /** What is offered has changed. */
  onOffersChange?(): void;
  /** The address at which this host reaches a peer through the tunnel; undefined where no tunnel to it has worked. */
  tunnelAddress(peer: PeerId): string | undefined;
}

/** What a port leads to, and for whom. */
export interface OfferedForwardPort {
  readonly port: number;
  /** The service of this host, `127.0.0.1:3000`; undefined when a program answers itself. */
  readonly service: string | undefined;
  /** A selector; undefined for every member. */
  readonly allow: string | undefined;
}

interface Port extends OfferedForwardPort {
  readonly allows: (peer: PeerId) => boolean;
  /** Accepts, or resets the stream. */
  readonly serve: (connection: IncomingConnection) => void;
}

/** A connection over a channel. */
interface OpenConnection {
  readonly source: PeerId;
  readonly destination: PeerId;
  readonly port: number;
  readonly stream: ChannelStream;
}

/** Dials and accepts. */
export class StreamForwarder {
  readonly #parts: StreamForwarderParts;
  readonly #ports = new Map<number, Port>();
  readonly #offers = new Set<PortOffer>();
  /** Connections over channels that go on. */
  readonly #connections = new Set<OpenConnection>();
  /** How many connections each peer has opened here. */
  readonly #streams = new PeerTally();
  readonly #abort = new AbortController();
  /** Who reaches what is not offered, too. */
  #allowsAll: (peer: PeerId) => boolean = () => false;

  constructor(parts: StreamForwarderParts) {
    this.#parts = parts;
  }

  /**
   * Lets those whom a selector means reach every port at this node's own address, past the rules that its firewall has
   * for the interface: the connections come from this node. Nobody does without one.
   * @throws InvalidSelectorError
   */
  allowAll(selector: string | undefined): void {
    this.#allowsAll = selector === undefined ? () => false : this.#parts.peers.selector(selector);
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
    return this.#open(port, undefined, options, (connection) => {
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
    const { hostname = LOOPBACK } = service;
    const place = `${hostname.includes(":") ? `[${hostname}]` : hostname}:${service.port}`;
    const listener = this.#open(port, place, options, ({ stream }) => {
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

  /** What this node lets others reach, by port. */
  offered(): readonly OfferedForwardPort[] {
    return [...this.#ports.values()].toSorted((a, b) => a.port - b.port);
  }

  /**
   * Opens a connection to a port of a node: over the channel to what it offers, and else through the tunnel, if there
   * is one.
   * @param host a name, id, key or address of a node
   * @returns it once the other end has accepted, or why there is none
   */
  async dial(host: string, port: number, signal: AbortSignal): Promise<Duplex | DialRefusal> {
    const { peers } = this.#parts;
    const peer = peers.find(host);
    const header = tryEncodeHeader(host, port);
    if (header === undefined || peer === undefined) return { refusal: "no-such-name" };
    if (peer === peers.self) return await this.#dialSelf(peer, host, port, signal);
    const denied = this.#parts.policy?.admitConnection("out", peers.self, peer, port);
    if (denied !== undefined) return { refusal: "refused-by-policy", rule: denied.rule };
    const limits = { signal, timeoutMs: DIAL_TIMEOUT_MS };
    const result = await this.#dialChannel(peer, port, header, limits);
    if (!isRefusal(result) || !NOT_OFFERED.has(result.refusal)) return result;
    const address = this.#parts.tunnelAddress(peer);
    return address === undefined ? result : await connectTcp(address, port, limits);
  }

  handleStream(peer: PeerId, header: Uint8Array, stream: ChannelStream): void {
    if (!this.#admit(peer, stream)) return refuse(stream, "failed");
    const target = decodeForwardHeader(header);
    if (target === undefined || this.#abort.signal.aborted) return stream.reset(REFUSAL_CODES.failed);
    if (isProgram(peer)) return void this.#dialFor(stream, target.host, target.port);
    const { policy, peers: { self } } = this.#parts;
    if (policy?.admitConnection("in", peer, self, target.port) !== undefined) {
      return refuse(stream, "refused-by-policy");
    }
    this.#follow({ source: peer, destination: self, port: target.port, stream });
    const served = this.#ports.get(target.port);
    if (served === undefined) return void this.#serveUnoffered(peer, stream, target.port);
    if (!served.allows(peer)) return refuse(stream, "refused-by-policy");
    served.serve({ stream, peer, host: target.host, port: target.port });
  }

  /** Another policy is in force: connections that it takes away end. */
  handlePolicyChange(): void {
    const { policy } = this.#parts;
    for (const { source, destination, port, stream } of [...this.#connections]) {
      if (policy?.mayConnect(source, destination, port) === false) refuse(stream, "refused-by-policy");
    }
  }

  /** Ends what is open. */
  async close(): Promise<void> {
    this.#abort.abort();
    this.#ports.clear();
    await Promise.all([...this.#offers].map((offer) => offer.stop()));
    this.#offers.clear();
  }

  #follow(connection: OpenConnection): void {
    this.#connections.add(connection);
    void connection.stream.closed.then(() => this.#connections.delete(connection));
  }

  async #dialChannel(
    peer: PeerId,
    port: number,
    header: Uint8Array,
    limits: DialLimits,
  ): Promise<Duplex | DialRefusal> {
    const { peers } = this.#parts;
    const stream = await peers.reach(peer)
      ? peers.channel(peer)?.openStream(FORWARD_TOPIC, header)
      : undefined;
    if (stream !== undefined) this.#follow({ source: peers.self, destination: peer, port, stream });
    return stream === undefined ? { refusal: "network-unreachable" } : await awaitAccepted(stream, limits);
  }

  /** What a program of this host reaches without weft: its own firewall sees it as what it is. */
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

  #open(
    port: number,
    service: string | undefined,
    options: ListenOptions,
    serve: Port["serve"],
  ): PortListener {
    if (!Number.isInteger(port) || port < 1 || port > 65_535) {
      throw new InvalidRequestError(`Cannot listen on port ${port}: ports are 1 to 65535`);
    }
    if (this.#ports.has(port)) {
      throw new InvalidRequestError(`Cannot listen on port ${port} of the mesh: it is served already`, {
        hint: "`weft offer list` shows the offers of this node; take another port, or end that offer.",
      });
    }
    const allows = options.allow === undefined ? () => true : this.#parts.peers.selector(options.allow);
    const served: Port = { port, service, allow: options.allow, allows, serve };
    this.#ports.set(port, served);
    this.#parts.onOffersChange?.();
    const close = () => {
      if (this.#ports.get(port) === served) {
        this.#ports.delete(port);
        this.#parts.onOffersChange?.();
      }
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

  #serveUnoffered(peer: PeerId, stream: ChannelStream, port: number): void {
    const hostname = this.#parts.ownAddress();
    if (hostname === undefined || !this.#allowsAll(peer)) return refuse(stream, "connection-refused");
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
