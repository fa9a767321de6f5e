/**
 * UDP on both IP versions by the runtime's sockets.
 * @module
 */

import { Counters } from "../base/mod.ts";
import { Endpoint, IpAddress } from "../net/mod.ts";
import {
  type DatagramBatch,
  type DatagramSocket,
  MAX_DATAGRAM_BYTES,
  MAX_SENDS_IN_FLIGHT,
} from "./datagram_socket.ts";
import { listenDatagrams, type RuntimeDatagrams } from "./runtime_datagrams.ts";
import { addressOf, type ListenOptions, openDualStack } from "./runtime_sockets.ts";

const RECEIVE_BUFFER_BYTES = 65_535;
/** Senders choose their source, so the cache of sources is bounded; when full it starts anew. */
const MAX_CACHED_SOURCES = 4096;
const RECEIVE_RETRY_MS = 5;
const DROP_REASONS = ["closed", "too-large", "too-many-in-flight", "send-failed", "receive-failed"] as const;
const NOWHERE = new Endpoint(IpAddress.fromBytes(new Uint8Array(4)), 0);

/**
 * Opens a UDP socket for IPv6 and IPv4 together, or for IPv4 alone where the host has no IPv6, or for one address.
 * @throws PortInUseError, SocketError
 */
export function openUdp(options: ListenOptions): DatagramSocket {
  const { port } = options;
  return openDualStack("UDP", options, (hostname) => {
    const connection = listenDatagrams({ hostname, port });
    return new UdpSocket(connection, hostname === "::" && options.address === undefined);
  });
}

/** Who has sent to a socket, with the address as its runtime says it. */
class ReceivedEndpoint extends Endpoint {
  readonly socket: UdpSocket;
  readonly runtimeAddress: Deno.NetAddr;

  constructor(
    address: IpAddress,
    from: { readonly socket: UdpSocket; readonly runtimeAddress: Deno.NetAddr },
  ) {
    super(address, from.runtimeAddress.port);
    this.socket = from.socket;
    this.runtimeAddress = from.runtimeAddress;
  }
}

/** A batch whose parts its owner replaces before each use, so that receiving makes no new one. */
class SingleDatagram implements DatagramBatch {
  readonly count = 1;
  #datagram: Uint8Array;
  #source: Endpoint;

  constructor(datagram: Uint8Array, source: Endpoint) {
    this.#datagram = datagram;
    this.#source = source;
  }

  /** @returns this, holding another datagram */
  replace(datagram: Uint8Array, source: Endpoint): this {
    this.#datagram = datagram;
    this.#source = source;
    return this;
  }

  datagram(_index: number): Uint8Array {
    return this.#datagram;
  }

  source(_index: number): Endpoint {
    return this.#source;
  }
}

class UdpSocket implements DatagramSocket {
  readonly localPort: number;
  readonly #connection: RuntimeDatagrams;
  readonly #isDualStack: boolean;
  readonly #buffer = new Uint8Array(RECEIVE_BUFFER_BYTES);
  readonly #batch = new SingleDatagram(this.#buffer, NOWHERE);
  readonly #sources = new Map<string, Endpoint>();
  /** Of endpoints that were made elsewhere: with a flood's sources in it, each collection of garbage would take long. */
  readonly #destinations = new WeakMap<Endpoint, Deno.NetAddr>();
  /** Link-local ones that were sent to: the runtime tells no zones, so those that answer are known by the rest. */
  readonly #zoned = new Map<string, Endpoint>();
  readonly #drops = new Counters(DROP_REASONS);
  #inFlight = 0;
  #isClosed = false;

  constructor(connection: RuntimeDatagrams, isDualStack: boolean) {
    this.#connection = connection;
    this.#isDualStack = isDualStack;
    this.localPort = (connection.addr as Deno.NetAddr).port;
  }

  // The runtime receives one datagram a call; the port is shaped for those that give more.
  async receiveBatch(): Promise<DatagramBatch | undefined> {
    while (!this.#isClosed) {
      try {
        const [datagram, address] = await this.#connection.receive(this.#buffer);
        return this.#batch.replace(datagram, this.#sourceOf(address as Deno.NetAddr));
      } catch {
        if (this.#isClosed) break;
        // An ICMP error of an earlier send can surface here; it says nothing about the next datagram. The pause
        // keeps a lasting failure from taking the processor.
        this.#drops.count("receive-failed");
        await new Promise((resolve) => setTimeout(resolve, RECEIVE_RETRY_MS));
      }
    }
    return undefined;
  }

  send(datagram: Uint8Array, destination: Endpoint): void {
    if (this.#isClosed) return this.#drops.count("closed");
    if (datagram.length > MAX_DATAGRAM_BYTES) return this.#drops.count("too-large");
    if (this.#inFlight === MAX_SENDS_IN_FLIGHT) return this.#drops.count("too-many-in-flight");
    this.#inFlight++;
    // The runtime reads the bytes only after this turn, when the caller has reused them: measured, with a buffer
    // overwritten at once. The copy costs under 1 µs of the 10 µs that a send takes.
    this.#connection.send(datagram.slice(), this.#addressOf(destination)).then(this.#onSent, this.#onFailed);
  }

  drops(): Readonly<Record<string, number>> {
    return this.#drops.snapshot();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#connection.close();
  }

  readonly #onSent = (): void => {
    this.#inFlight--;
  };

  readonly #onFailed = (): void => {
    this.#inFlight--;
    this.#drops.count(this.#isClosed ? "closed" : "send-failed");
  };

  #sourceOf(runtimeAddress: Deno.NetAddr): Endpoint {
    const { hostname, port } = runtimeAddress;
    const key = `${hostname} ${port}`;
    const cached = this.#zoned.get(key) ?? this.#sources.get(key);
    if (cached !== undefined) return cached;
    const address = addressOf(hostname) ?? NOWHERE.address;
    const endpoint = new ReceivedEndpoint(address, { socket: this, runtimeAddress });
    if (this.#sources.size >= MAX_CACHED_SOURCES) this.#sources.clear();
    this.#sources.set(key, endpoint);
    return endpoint;
  }

  #addressOf(endpoint: Endpoint): Deno.NetAddr {
    if (endpoint instanceof ReceivedEndpoint && endpoint.socket === this) return endpoint.runtimeAddress;
    const cached = this.#destinations.get(endpoint);
    if (cached !== undefined) return cached;
    const mapped = this.#isDualStack && endpoint.address.family === 4;
    const zone = endpoint.zone === 0 ? "" : `%${endpoint.zone}`;
    const hostname = `${mapped ? "::ffff:" : ""}${endpoint.address}${zone}`;
    if (endpoint.zone !== 0) {
      if (this.#zoned.size >= MAX_CACHED_SOURCES) this.#zoned.clear();
      this.#zoned.set(`${endpoint.address} ${endpoint.port}`, endpoint);
    }
    const address: Deno.NetAddr = { transport: "udp", hostname, port: endpoint.port };
    this.#destinations.set(endpoint, address);
    return address;
  }
}
