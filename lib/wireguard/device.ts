/**
 * The WireGuard protocol as a state machine: packets, datagrams and the time go in; datagrams to send, events and the
 * next timeout come out (WireGuard paper, https://www.wireguard.com/papers/wireguard.pdf). The portable packet plane sends
 * everything through it; the fast one seals and opens by itself, with the sessions that `batches` gives it.
 * @module
 */

import { BoundedQueue, Counters, type Millis, millis } from "../base/mod.ts";
import { nobleAead, type PresharedKey, PrivateKey, type PublicKey, TAG_BYTES } from "../crypto/mod.ts";
import { clampTcpMss, type Endpoint, ipPacketLength, ipVersion } from "../net/mod.ts";
import { AllowedIps } from "./allowed_ips.ts";
import { BatchSessions } from "./batch_sessions.ts";
import { PROTOCOL_TIMERS, REJECT_AFTER_MESSAGES } from "./constants.ts";
import { type AddressedDatagram, DatagramQueue } from "./datagram_queue.ts";
import {
  type DeviceContext,
  type DeviceOptions,
  type IndexEntry,
  IndexTable,
  Padder,
} from "./device_context.ts";
import { Forwarding } from "./forwarding.ts";
import { HandshakeReceiver } from "./handshake_receiver.ts";
import {
  MAX_DATAGRAM_BYTES,
  messageType,
  readCounter,
  readIndex,
  TRANSPORT_HEADER_BYTES,
  TYPE_TRANSPORT,
} from "./messages.ts";
import {
  type DatagramOutcome,
  type DeviceEvent,
  DROP_REASONS,
  DROPPED,
  type DropReason,
  HANDLED,
} from "./outcomes.ts";
import { PathMtu } from "./path_mtu.ts";
import { Peer } from "./peer.ts";
import {
  configUpdate,
  type PeerStatus,
  peerStatus,
  type WireGuardPeerConfig,
  type WireGuardPeerUpdate,
} from "./peer_config.ts";
import { Tai64nClock } from "./tai64n.ts";

const MAX_EVENTS = 4096;
/** Datagrams that wait to be sent. */
const MAX_TRANSMITS = 512;
const NO_BYTES = new Uint8Array(0);

/** One WireGuard interface without the interface: it reads no clock and touches no socket. */
export class Device {
  readonly counters: Counters<DropReason> = new Counters<DropReason>(DROP_REASONS);
  /** For a data plane that seals and opens batches. */
  readonly batches: BatchSessions;
  /** Whose packets are passed on to other peers. */
  readonly forwarding: Forwarding;
  readonly #context: DeviceContext<Peer>;
  #mtuBytes: number;
  #isKeyless: boolean;
  #isSuspended = false;
  readonly #peers = new Map<string, Peer>();
  readonly #allowedIps = new AllowedIps<Peer>();
  readonly #handshakes: HandshakeReceiver;
  readonly #pathMtu: PathMtu;
  readonly #events = new BoundedQueue<DeviceEvent>(MAX_EVENTS);
  readonly #plaintext = new Uint8Array(MAX_DATAGRAM_BYTES);
  // Views of the plaintext that are kept while lengths repeat, as they do in a stream.
  #padded: Uint8Array = NO_BYTES;
  readonly #received: { readonly kind: "packet"; packet: Uint8Array; peer: PublicKey };
  /** No timer runs out before it; timers that are cancelled do not move it. */
  #nextDeadline: Millis = millis(Infinity);

  constructor(options: DeviceOptions) {
    const { random, wall, mtuBytes = 1420 } = options;
    const privateKey = options.privateKey ?? PrivateKey.generate(random);
    const timers = { ...PROTOCOL_TIMERS, ...options.timers };
    this.#mtuBytes = mtuBytes;
    this.#isKeyless = options.privateKey === undefined;
    this.#received = { kind: "packet", packet: NO_BYTES, peer: privateKey.publicKey };
    this.#context = {
      privateKey,
      isSilent: options.privateKey === undefined,
      random,
      wall,
      aead: options.aead ?? nobleAead,
      timers,
      timestamps: new Tai64nClock(wall),
      indices: new IndexTable<IndexEntry<Peer>>(random),
      transmits: new DatagramQueue(MAX_TRANSMITS, TRANSPORT_HEADER_BYTES + mtuBytes + TAG_BYTES),
      padder: new Padder(mtuBytes),
      counters: this.counters,
      emit: (event) => void this.#events.push(event),
      noteDeadline: (deadline) => {
        if (deadline < this.#nextDeadline) this.#nextDeadline = deadline;
      },
    };
    this.batches = new BatchSessions(this.#allowedIps, this.#context);
    const send = (now: Millis, packet: Uint8Array): void => void this.handlePacket(now, packet);
    const parts = { allowedIps: this.#allowedIps, counters: this.counters, send };
    this.forwarding = new Forwarding(mtuBytes, parts);
    this.#pathMtu = new PathMtu({ ...parts, random });
    const { handshakesPerSecond = 100 } = options;
    this.#handshakes = new HandshakeReceiver(this.#context, this.#peers, handshakesPerSecond);
  }

  /** The key that peers know this device by; a random one while there is no private key. */
  get publicKey(): PublicKey {
    return this.#context.privateKey.publicKey;
  }

  /** The private key, if there is one; never log it. */
  get privateKey(): PrivateKey | undefined {
    return this.#isKeyless ? undefined : this.#context.privateKey;
  }

  /**
   * Takes another private key, or none: every session ends, and a peer with the device's own key goes. The same key
   * again changes nothing.
   */
  setPrivateKey(key: PrivateKey | undefined): void {
    const context = this.#context;
    if (key === undefined ? this.#isKeyless : !this.#isKeyless && key.equals(context.privateKey)) return;
    context.privateKey = key ?? PrivateKey.generate(context.random);
    this.#isKeyless = key === undefined;
    context.isSilent = this.#isKeyless || this.#isSuspended;
    this.#handshakes.followKey();
    this.removePeer(this.publicKey);
    for (const peer of this.#peers.values()) peer.noteOwnKey();
  }

  /** Ends every session, and begins none until `resume`; the caller hands in no datagrams meanwhile. */
  suspend(): void {
    this.#isSuspended = this.#context.isSilent = true;
    for (const peer of this.#peers.values()) peer.clear();
  }

  /** Goes on; peers with a persistent keepalive are called. Harmless when it was not suspended. */
  resume(now: Millis): void {
    if (!this.#isSuspended) return;
    this.#isSuspended = false;
    this.#context.isSilent = this.#isKeyless;
    for (const peer of this.#peers.values()) peer.greet(now);
  }

  /** Takes inner packets of up to `mtuBytes` from now on, 576 to 65,000. */
  setMtu(mtuBytes: number): void {
    this.#mtuBytes = this.forwarding.mtuBytes = mtuBytes;
    this.#context.padder = new Padder(mtuBytes);
    for (const peer of this.#peers.values()) peer.noteMtu(mtuBytes);
  }

  /** @returns the preshared key of a peer, or undefined when there is no such peer; never log it */
  presharedKey(publicKey: PublicKey): PresharedKey | undefined {
    return this.#peers.get(publicKey.toString())?.presharedKey;
  }

  /**
   * Adds a peer, or changes it: what `config` leaves out is cleared, except for a known endpoint.
   * @returns false, and nothing happens, when the key is this device's own
   */
  setPeer(now: Millis, config: WireGuardPeerConfig): boolean {
    return this.updatePeer(now, configUpdate(config));
  }

  /**
   * Changes what `update` names of a peer, or adds the peer.
   * @returns false, and nothing happens, when the key is this device's own
   */
  updatePeer(now: Millis, update: WireGuardPeerUpdate): boolean {
    const { publicKey, presharedKey, endpoint, persistentKeepaliveSeconds } = update;
    if (publicKey.equals(this.publicKey)) return false;
    const key = publicKey.toString();
    let peer = this.#peers.get(key);
    if (peer === undefined) this.#peers.set(key, peer = new Peer(publicKey, this.#context));
    // Of many peers that have none, all share one object.
    if (presharedKey !== undefined && !presharedKey.equals(peer.presharedKey)) {
      peer.presharedKey = presharedKey;
    }
    if (endpoint !== undefined) peer.suggestEndpoint(endpoint);
    if (update.replaceAllowedIps) this.#allowedIps.clear(peer);
    for (const cidr of update.addAllowedIps ?? []) this.#allowedIps.add(cidr, peer);
    for (const cidr of update.removeAllowedIps ?? []) this.#allowedIps.remove(cidr, peer);
    if (persistentKeepaliveSeconds !== undefined) {
      peer.setPersistentKeepalive(now, persistentKeepaliveSeconds);
    }
    if (update.isForwarded !== undefined) this.forwarding.set(peer, update.isForwarded);
    return true;
  }

  /** Cuts a peer off and forgets its keys. @returns whether there was one */
  removePeer(publicKey: PublicKey): boolean {
    const peer = this.#peers.get(publicKey.toString());
    if (peer === undefined) return false;
    this.#peers.delete(publicKey.toString());
    this.#allowedIps.clear(peer);
    this.forwarding.set(peer, false);
    peer.clear();
    return true;
  }

  /** Sends to another endpoint from now on, unless the path is set. @returns whether there is such a peer */
  setEndpoint(publicKey: PublicKey, endpoint: Endpoint): boolean {
    const peer = this.#peers.get(publicKey.toString());
    if (peer === undefined) return false;
    peer.suggestEndpoint(endpoint);
    return true;
  }

  /**
   * Sends to `endpoint` from now on, wherever packets come from and whatever else names one; whoever is being called is
   * called there at once, at most four times a second. Undefined lets packets decide again, as WireGuard does.
   * @returns whether there is such a peer
   */
  setPath(now: Millis, publicKey: PublicKey, endpoint: Endpoint | undefined): boolean {
    const peer = this.#peers.get(publicKey.toString());
    peer?.setPath(now, endpoint);
    return peer !== undefined;
  }

  /**
   * Says how long inner packets to and from a peer may be, 576 bytes at least, where that is less than the device's MTU.
   * @param mtuBytes undefined where the MTU is all there is
   * @returns whether there is such a peer
   */
  setPathMtu(publicKey: PublicKey, mtuBytes: number | undefined): boolean {
    const peer = this.#peers.get(publicKey.toString());
    peer?.limitPackets(mtuBytes, this.#mtuBytes);
    return peer !== undefined;
  }

  /** Begins a handshake without waiting for a packet; at most one in 5 s (paper §6.4). */
  initiateHandshake(now: Millis, publicKey: PublicKey): void {
    this.#peers.get(publicKey.toString())?.initiate(now);
  }

  /** @returns how the peer is doing, or undefined when there is none */
  peerStatus(publicKey: PublicKey): PeerStatus | undefined {
    const peer = this.#peers.get(publicKey.toString());
    return peer && peerStatus(peer);
  }

  peerStatuses(): PeerStatus[] {
    return [...this.#peers.values()].map(peerStatus);
  }

  /** Sessions and unanswered initiations that are kept: at most four a peer, none once all keys are forgotten. */
  get sessionsInUse(): number {
    return this.#context.indices.size;
  }

  /**
   * Takes an IP packet of this host: it is sealed, or waits for a handshake, or is dropped. One that is too long for the
   * path of its peer is cut, or `pollAnswer` says so.
   * @param packet may be changed: the longest segment that a SYN of TCP names is lowered to what the path takes
   * @param nextHop the address of the peer that it is sealed for, where that is not its destination's
   * @returns why it was dropped, or undefined
   */
  handlePacket(now: Millis, packet: Uint8Array, nextHop?: Uint8Array): DropReason | undefined {
    const version = ipVersion(packet);
    if (version === 0 || ipPacketLength(packet) !== packet.length) return this.#count("malformed-packet");
    if (packet.length > this.#mtuBytes) return this.#count("packet-too-long");
    const peer = nextHop === undefined
      ? this.batches.peerFor(packet, 0, version)
      : this.batches.peerAt(nextHop);
    if (peer === undefined) return this.#count("no-peer-for-destination");
    return peer.pathMtuBytes === Infinity
      ? peer.send(now, packet)
      : this.#pathMtu.send(now, peer, packet, version);
  }

  /** Takes a datagram from the network. Nothing in it makes this throw. */
  handleDatagram(now: Millis, datagram: Uint8Array, source: Endpoint): DatagramOutcome {
    const type = messageType(datagram);
    if (type === 0) return this.#drop("malformed-datagram");
    if (type !== TYPE_TRANSPORT) return this.#handshakes.handle(now, type, datagram, source);
    return this.#handleTransport(now, datagram, source);
  }

  /** Does what is due at `now`; harmless when nothing is. */
  handleTimeout(now: Millis): void {
    if (now < this.#nextDeadline) return;
    let earliest = Infinity;
    for (const peer of this.#peers.values()) {
      for (let timer = peer.timers.takeDue(now); timer !== undefined; timer = peer.timers.takeDue(now)) {
        peer.handleTimer(now, timer);
      }
      earliest = Math.min(earliest, peer.timers.earliest);
    }
    this.#nextDeadline = millis(earliest);
  }

  /** @returns when `handleTimeout` wants to be called next, or undefined when nothing is armed */
  pollTimeout(): Millis | undefined {
    return this.#nextDeadline === Infinity ? undefined : this.#nextDeadline;
  }

  /** @returns the next datagram to send, or undefined */
  pollTransmit(): AddressedDatagram | undefined {
    return this.#context.transmits.shift();
  }

  /** @returns an IP packet for this host, which says that one of its packets was too long, or undefined */
  pollAnswer(): Uint8Array | undefined {
    return this.#pathMtu.pollAnswer();
  }

  /** @returns what happened next, or undefined */
  pollEvent(): DeviceEvent | undefined {
    return this.#events.shift();
  }

  #handleTransport(now: Millis, message: Uint8Array, source: Endpoint): DatagramOutcome {
    const entry = this.#context.indices.get(readIndex(message, 4));
    if (entry?.keypair === undefined) return this.#drop("unknown-session");
    const { peer, keypair } = entry;
    const counter = readCounter(message);
    const isSpent = counter < 0 || counter >= REJECT_AFTER_MESSAGES;
    if (isSpent || now - keypair.createdAt >= this.#context.timers.rejectAfterTimeMs) {
      return this.#drop("expired-session");
    }
    // Before the costly part already; what is not authentic must not move the window.
    if (!keypair.receiving.isFresh(counter)) return this.#drop("replayed-datagram");
    const sealed = message.subarray(TRANSPORT_HEADER_BYTES);
    const length = keypair.receiveKey.open(counter, sealed, NO_BYTES, this.#plaintext, 0);
    if (length < 0) return this.#drop("wrong-tag");
    keypair.receiving.accept(counter);
    peer.noteOpened(now, keypair, source, message.length, length > 0);
    if (length === 0) return HANDLED;
    if (this.#padded.length !== length) this.#padded = this.#plaintext.subarray(0, length);
    return this.#checkInner(now, peer, this.#padded);
  }

  #checkInner(now: Millis, peer: Peer, padded: Uint8Array): DatagramOutcome {
    const length = ipPacketLength(padded);
    const version = ipVersion(padded);
    if (length === undefined || version === 0) return this.#drop("malformed-inner-packet");
    if (!this.batches.isFrom(peer, padded, 0, version, length)) return DROPPED["source-not-allowed"];
    if (this.#received.packet.length !== length) this.#received.packet = this.#plaintext.subarray(0, length);
    this.#received.peer = peer.publicKey;
    const { pathMtuBytes: limit } = peer;
    if (limit !== Infinity) clampTcpMss(padded, 0, length, { version, mtuBytes: limit });
    return this.forwarding.isOn ? this.#passOn(now) : this.#received;
  }

  /** Seals what was received for whoever it is meant for, if that is another peer. */
  #passOn(now: Millis): DatagramOutcome {
    const { packet } = this.#received;
    const { length } = packet;
    const next = this.forwarding.nextHop(now, packet, 0, length, length);
    if (next === "host") return this.#received;
    if (next === "peer") this.handlePacket(now, packet);
    return HANDLED;
  }

  #count(reason: DropReason): DropReason {
    this.counters.count(reason);
    return reason;
  }

  #drop(reason: DropReason): DatagramOutcome {
    this.counters.count(reason);
    return DROPPED[reason];
  }
}
