/**
 * The packet plane as the agent sees it, and as WireGuard's own tools do, for whom everything may change while it runs;
 * whichever way the bytes travel underneath.
 * @module
 */

import type { PresharedKey, PrivateKey, PublicKey } from "../crypto/mod.ts";
import type { Logger } from "../base/mod.ts";
import type { PreparedWorker } from "../host/mod.ts";
import type { Endpoint } from "../net/mod.ts";
import type { PolicyPlane, PolicyReport } from "./policy/mod.ts";
import type {
  DeviceEvent,
  PeerStatus,
  ProtocolTimers,
  WireGuardPeerConfig,
  WireGuardPeerUpdate,
} from "../wireguard/mod.ts";
import type { FramePlane, PortEvent } from "./frames/mod.ts";
import type { ProbeIdChange } from "./probes/mod.ts";
import type { ProxyAnswer, ProxyChange, ProxyQuestion } from "./proxy/mod.ts";

/** `fast`: a worker on raw descriptors, with offloads; `portable`: the runtime's own sockets; `auto`: the best there is. */
export type PlaneChoice = "auto" | "fast" | "portable";

/**
 * What seals on the fast plane: machine code of the processor (`native`), WebAssembly with experimental features of the
 * runtime (`wide`) or without (`baseline`), plain TypeScript (`noble`), or the fastest of them that answers right
 * (`auto`). What does not run here gives way to the next.
 */
export type CipherChoice = "auto" | "native" | "baseline" | "noble";

/** A number, 1 to `MAX_WORKERS`, or as many as help on this machine. */
export type WorkerChoice = "auto" | number;

/** Which interface a plane makes, and how it carries packets. */
export interface PlaneOptions {
  readonly interfaceName: string;
  /** The longest inner packet; `setMtu` changes it. */
  readonly mtuBytes: number;
  readonly choice: PlaneChoice;
  /** `auto` unless given. */
  readonly cipher?: CipherChoice;
  /** How many threads carry packets on the fast one; `auto` unless given. */
  readonly workers?: WorkerChoice;
  readonly timers?: Partial<ProtocolTimers>;
  /** What `preparePlane` has begun; the plane takes it, unless it needs none. */
  readonly prepared?: PreparedWorker | undefined;
  readonly observer: (event: DeviceEvent) => void;
  /**
   * Receives datagrams of the path protocol with ids of `changeProbeIds`, by the socket of WireGuard; `datagram` is the
   * receiver's to keep. Others are dropped, and those beyond 100 a second of one id, or 2,000 of all. So it
   * does with answers of STUN: one to each request of `sendProbe`, from the server that it went to, within 10 s.
   */
  readonly onProbe?: (datagram: Uint8Array, source: Endpoint) => void;
  /** Is asked what becomes of connections to proxied hosts; `answerProxy` answers. */
  readonly onProxyQuestion?: (question: ProxyQuestion) => void;
  /** Is told what happens at ports of overlay networks. */
  readonly onPortEvent?: (event: PortEvent) => void;
  /** Is told what policies have decided. */
  readonly onPolicyReport?: (report: PolicyReport) => void;
  readonly log: Logger;
}

/** Why a packet plane ended: somebody closed it, its interface vanished under it, or its thread died. */
export type PlaneEnd = "closed" | "interface-gone" | "worker-failed";

/**
 * Superpackets from and to the interface, of TCP (`tso`) and UDP (`uso`); batches of datagrams to (`gso`) and from (`gro`)
 * the network (Linux, Documentation/networking/segmentation-offloads.rst).
 */
export type Offload = "tso" | "uso" | "gso" | "gro";

/** Carries packets between the host and its peers. All calls are synchronous turns. */
export interface PacketPlane extends PolicyPlane {
  /** How it runs, for the status. */
  readonly kind: "portable" | "fast";
  /** How packets are sealed, for the status. */
  readonly engine: string;
  /** How many threads carry packets. */
  readonly workers: number;
  /** What the host does for many packets at once, as it is now, for the status. */
  readonly offloads: readonly Offload[];
  /** Frames of overlay networks, inside the mesh and beside it. */
  readonly frames: FramePlane;
  /** Settles once, when the plane has stopped carrying packets. */
  readonly ended: Promise<PlaneEnd>;
  /** Adds a peer or changes it. */
  setPeer(config: WireGuardPeerConfig): void;
  /** Cuts a peer off and forgets its keys. */
  removePeer(publicKey: PublicKey): void;
  /** Sends to another endpoint from now on, unless the path is set. */
  setEndpoint(publicKey: PublicKey, endpoint: Endpoint): void;
  /**
   * Sends to `endpoint` from now on, wherever packets come from and whatever else names one; whoever is being called, or is
   * wanted, is called there at once, at most four times a second. Undefined lets packets decide again, as WireGuard does.
   */
  setPath(publicKey: PublicKey, endpoint: Endpoint | undefined): void;
  /**
   * Sends a datagram of the path protocol (`probes`), or a Binding request of STUN, by the socket of WireGuard, uncut on its whole way where the host can
   * say so, and whatever the host believes of that way's MTU. What the host refuses to send is counted.
   * @throws RangeError when it is neither: the former begins with 0x77, and has 48 to 1,500 bytes
   */
  sendProbe(datagram: Uint8Array, endpoint: Endpoint): void;
  /** Says which ids `onProbe` waits for. @throws RangeError when one is not 16 hexadecimal digits */
  changeProbeIds(change: ProbeIdChange): void;
  /**
   * Says how long inner packets to and from a peer may be, where that is less than the MTU: longer ones are cut or their
   * sender is told (RFC 1191, RFC 8201), and segments of TCP are kept below it. It holds until the peer is removed.
   * @param mtuBytes undefined where the MTU is all there is
   * @throws RangeError when it is less than 576
   */
  setPathMtu(publicKey: PublicKey, mtuBytes: number | undefined): void;
  /** Begins a handshake without waiting for a packet. */
  initiateHandshake(publicKey: PublicKey): void;
  /** Leads connections of this host to others than before to the listeners; packets to those that are peers, too. */
  changeProxy(change: ProxyChange): void;
  /** Answers a question, or says later that an accepted connection has broken. */
  answerProxy(id: number, answer: ProxyAnswer): void;
  /** @returns how the peer is doing, or undefined when there is none */
  peerStatus(publicKey: PublicKey): PeerStatus | undefined;
  /** @returns every peer with its counters */
  peerStatuses(): readonly PeerStatus[];
  /** @returns how many datagrams and packets were dropped, by reason */
  drops(): Readonly<Record<string, number>>;
  /** Stops carrying packets and closes the TUN and the socket. Harmless when repeated. */
  close(): void;
}

/** A packet plane that is configured from outside. All calls are synchronous turns. */
export interface WireGuardPlane extends PacketPlane {
  /** The private key, if there is one; never log it. */
  readonly privateKey: PrivateKey | undefined;
  /** Where it listens; 0 while it is suspended. */
  readonly localPort: number;
  /** @returns the preshared key of a peer, or undefined when there is no such peer; never log it */
  presharedKey(publicKey: PublicKey): PresharedKey | undefined;
  /** Takes another private key, or none; every session ends. */
  setPrivateKey(key: PrivateKey | undefined): void;
  /** Changes what `update` names of a peer, or adds the peer; nothing when the key is the device's own. */
  updatePeer(update: WireGuardPeerUpdate): void;
  /** Takes inner packets of up to `mtuBytes` from now on. */
  setMtu(mtuBytes: number): void;
  /** Whether there is a socket to be had; nothing changes. @returns why not, or undefined */
  canListen(options: ListenOptions): ListenFailure | undefined;
  /**
   * Sends and receives by a new socket from now on; sessions go on. It ends a suspension.
   * @returns why there is none, and nothing changes, or undefined
   */
  listen(options: ListenOptions): ListenFailure | undefined;
  /** Marks what is sent from now on. @returns whether the kernel took it */
  setMark(fwmark: number): boolean;
  /** Ends every session and closes the socket: the interface went down. */
  suspend(): void;
}

/** The socket that is wanted. */
export interface ListenOptions {
  /** 0 for any free one. */
  readonly port: number;
  /** What datagrams are marked with, for policy routing; 0 for nothing. */
  readonly fwmark: number;
}

/** Why there is no such socket. */
export type ListenFailure = "port-taken" | "mark-refused" | "failed";
