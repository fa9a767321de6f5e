/**
 * The plain underlay by the runtime's own sockets: drivers on UDP, to and from hosts that are known by their addresses. No
 * privilege and no foreign function is needed. Groups, hop limits and drivers beside UDP need the fast plane.
 *
 * DEVIATION: RFC 7348 §5 recommends a source port for each flow; one socket has one. Routers then take all flows of a host
 * the same way. RFC 7348 §4.3 forbids to cut packets; the runtime cannot tell its sockets so, and the network's MTU is what
 * keeps them short enough.
 *
 * @module
 */

import { HostError } from "../../host/mod.ts";
import { Endpoint, IpAddress } from "../../net/mod.ts";
import type { OverlayDriver } from "../../overlay/mod.ts";
import { type DatagramSocket, openUdp } from "../../transport/mod.ts";
import type { PlaneNetwork } from "./frame_plane.ts";

/** Endpoints that are kept for sending; when there are more it starts anew. */
const MAX_ENDPOINTS = 1_024;

/** Is handed what came in, with the sender's address. */
export type PlainReceiver = (key: string, source: IpAddress, packet: Uint8Array) => void;

interface PlainSocket {
  readonly socket: DatagramSocket;
  /** Settled once the runtime has let go of it. */
  readonly receiving: Promise<void>;
  readonly port: number;
  readonly networks: Set<number>;
  readonly endpoints: Map<string, Endpoint>;
}

/** @returns the UDP port of a plain network, and its address of this host: networks with the same share a socket */
export function plainKey({ underlay }: PlaneNetwork, { capabilities: { transport } }: OverlayDriver): string {
  if (underlay.kind !== "plain") return "";
  const port = underlay.port ?? (transport.kind === "udp" ? transport.port : 0);
  return `${port}/${underlay.localAddress ?? ""}`;
}

/** The sockets of all plain networks of a host. */
export class PortableUnderlay {
  readonly #sockets = new Map<string, PlainSocket>();
  readonly #byNetwork = new Map<number, string>();
  readonly #onPacket: PlainReceiver;
  /** Of sockets that are open, or being closed. */
  readonly #receiving = new Set<Promise<void>>();

  constructor(onPacket: PlainReceiver) {
    this.#onPacket = onPacket;
  }

  /**
   * Opens what a network needs; what it needed before and needs no more is closed.
   * @throws HostError when this way does not carry such a network; PortInUseError, SocketError
   */
  follow(network: PlaneNetwork, driver: OverlayDriver): void {
    const key = plainKey(network, driver);
    if (this.#byNetwork.get(network.network) === key) return;
    const known = this.#sockets.get(key) ?? (key === "" ? undefined : this.#open(key, network, driver));
    this.remove(network.network);
    if (known === undefined) return;
    known.networks.add(network.network);
    this.#sockets.set(key, known);
    this.#byNetwork.set(network.network, key);
  }

  remove(network: number): void {
    const key = this.#byNetwork.get(network);
    if (key === undefined) return;
    this.#byNetwork.delete(network);
    const known = this.#sockets.get(key);
    known?.networks.delete(network);
    if (known === undefined || known.networks.size > 0) return;
    this.#sockets.delete(key);
    known.socket.close();
  }

  /** @returns whether there is a socket that takes it */
  send(network: number, address: string, packet: Uint8Array): boolean {
    const known = this.#sockets.get(this.#byNetwork.get(network) ?? "");
    if (known === undefined) return false;
    let endpoint = known.endpoints.get(address);
    if (endpoint === undefined) {
      const parsed = IpAddress.parse(address);
      if (parsed === undefined) return false;
      if (known.endpoints.size >= MAX_ENDPOINTS) known.endpoints.clear();
      known.endpoints.set(address, endpoint = new Endpoint(parsed, known.port));
    }
    known.socket.send(packet, endpoint);
    return true;
  }

  /** @returns when the ports of sockets that were closed can be had again */
  async released(): Promise<void> {
    const open = new Set([...this.#sockets.values()].map(({ receiving }) => receiving));
    await Promise.all([...this.#receiving].filter((each) => !open.has(each)));
  }

  /** Closes all. */
  close(): void {
    for (const network of [...this.#byNetwork.keys()]) this.remove(network);
  }

  #open(key: string, { name, underlay }: PlaneNetwork, driver: OverlayDriver): PlainSocket {
    const { transport } = driver.capabilities;
    const hint = "Use --dataplane fast, which needs Linux and privileges.";
    if (transport.kind !== "udp") {
      throw new HostError(`Cannot carry ${name}: ${driver.name} in the clear needs the fast packet plane`, {
        hint,
      });
    }
    if (underlay.kind === "plain" && underlay.group !== undefined) {
      throw new HostError(`Cannot carry ${name}: a multicast group needs the fast packet plane`, { hint });
    }
    if (underlay.kind === "plain" && underlay.hopLimit !== undefined) {
      throw new HostError(`Cannot carry ${name}: a hop limit needs the fast packet plane`, { hint });
    }
    const port = Number(key.slice(0, key.indexOf("/")));
    const address = underlay.kind === "plain" ? underlay.localAddress : undefined;
    const parsed = address === undefined ? undefined : IpAddress.parse(address);
    const socket = openUdp({ port, ...parsed && { address: parsed } });
    const receiving = this.#receive(key, socket).finally(() => this.#receiving.delete(receiving));
    this.#receiving.add(receiving);
    return { socket, receiving, port, networks: new Set(), endpoints: new Map() };
  }

  async #receive(key: string, socket: DatagramSocket): Promise<void> {
    for (;;) {
      const batch = await socket.receiveBatch();
      if (batch === undefined) return;
      for (let i = 0; i < batch.count; i++) this.#onPacket(key, batch.source(i).address, batch.datagram(i));
    }
  }
}
