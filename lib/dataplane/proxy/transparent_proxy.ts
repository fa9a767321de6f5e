/**
 * Lets every program of this host reach hosts that have no packet plane, without a TCP of our own, local addresses or rules
 * in the firewall. Packets for such a host come out of the interface; segments go back in, readdressed, so that the kernel
 * connects the program with a listener of the agent, which leads the connection on:
 *
 * ```text
 *   program  own:c ─▶ host:80 ─▶ TUN ─┐                      ┌─▶ TUN ─▶ host:t ─▶ own:L  listener ─▶ channel ─▶ host
 *                                     ├── TransparentProxy ──┤
 *   program  own:c ◀─ host:80 ◀─ TUN ◀┘                      └◀─ TUN ◀─ host:t ◀─ own:L  listener
 * ```
 *
 * The SYN is held until the agent knows that the host takes the connection: a program sees at once what came of it. Echo
 * requests are held, too. All other packets are answered by ICMP.
 *
 * It reads no clock and touches no descriptor; all of it is bounded, and what goes through allocates nothing.
 * @module
 */

import { BoundedQueue, Counters, KeyedRateLimiter, type Millis } from "../../base/mod.ts";
import {
  Cidr,
  type Endpoint,
  IP_PROTOCOL,
  type IpAddress,
  ipDestinationOffset,
  type IpFamily,
  ipPacketLength,
  ipPayloadOffset,
  ipSourceOffset,
  ipVersion,
  PrefixTrie,
  putUint16,
  reset,
  resetOf,
  sequenceLength,
  TCP_FLAGS,
  tcpHeaderBytes,
  transportChecksum,
  uint16At,
  uint32At,
  type Undeliverable,
  undeliverable,
} from "../../net/mod.ts";
import { type Connection, Connections, ENDS, type ProxiedHost } from "./connections.ts";
import { ANSWER_MS, HeldEchoes } from "./held_echoes.ts";
import { echoReply, isEchoRequest } from "./replies.ts";
import { type PacketView, payloadOf, segmentBetween, turnSegment, versionOf } from "./segment.ts";

/** What is held is no longer than this: a SYN, or an echo request as `ping` makes it. */
const MAX_HELD_BYTES = 1500;
/** Questions and packets that wait to be taken; the oldest gives way. */
const MAX_QUESTIONS = 2112;
const MAX_PACKETS = 2048;
/** Messages of ICMP at once, and 100 a second (RFC 4443 §2.4 (f)). */
const ICMP_RATE = { burst: 100, everyMs: 10, maxSources: 1 };
const MAX_SEQUENCE = 0x1_0000_0000;

/** Every reason why a packet was dropped, so that readers of the counters see the zeros too. */
export const PROXY_DROPS = [
  "proxy-malformed",
  "proxy-foreign-source",
  "proxy-full",
  "proxy-unreachable",
] as const;
/** One of `PROXY_DROPS`. */
export type ProxyDrop = typeof PROXY_DROPS[number];

/** Which hosts are proxied, and where to. */
export interface ProxyChange {
  /** Where the agent takes their connections, at this host's own addresses: at most one of each family. */
  readonly listeners?: readonly Endpoint[];
  readonly add?: readonly IpAddress[];
  readonly remove?: readonly IpAddress[];
}

/** What the agent is asked, once for each `id`, and told. */
export type ProxyQuestion =
  /** Whether a host takes a connection; it then comes to the listener from the host's address and `translatedPort`. */
  | {
    readonly kind: "connect";
    readonly id: number;
    readonly host: string;
    readonly port: number;
    readonly translatedPort: number;
  }
  /** Whether a host is there. */
  | { readonly kind: "echo"; readonly id: number; readonly host: string }
  /** A connection was accepted that the program has given up meanwhile: it will not come. */
  | { readonly kind: "gone"; readonly id: number };

/** Yes; no; the host does not answer; or, of a connection that was accepted, that it has broken. */
export type ProxyAnswer = "accept" | "refuse" | "unreachable" | "reset";

/** What is to be done with a packet: nothing was changed, it is to be written to the interface, or it was taken. */
export type ProxyOutcome = "not-proxied" | "write" | "taken";

/** The translation of one interface. */
export class TransparentProxy {
  readonly counters: Counters<ProxyDrop> = new Counters<ProxyDrop>(PROXY_DROPS);
  readonly #hosts = new PrefixTrie<ProxiedHost>();
  readonly #byAddress = new Map<string, ProxiedHost>();
  readonly #connections = new Connections();
  readonly #listeners: { [Family in IpFamily]: Endpoint | undefined } = { 4: undefined, 6: undefined };
  readonly #echoes = new HeldEchoes();
  readonly #questions = new BoundedQueue<ProxyQuestion>(MAX_QUESTIONS);
  readonly #packets = new BoundedQueue<Uint8Array>(MAX_PACKETS);
  /** The packet that is being handled; one for all of them. */
  readonly #packet: { -readonly [Field in keyof PacketView]: PacketView[Field] } = {
    bytes: new Uint8Array(0),
    at: 0,
    payload: 0,
    end: 0,
    version: 4,
    isPartial: false,
  };
  readonly #icmpLimiter = new KeyedRateLimiter(ICMP_RATE);
  #lastIndex = 0;

  /** Whether there are no hosts, so that no packet need be shown. */
  get isIdle(): boolean {
    return this.#byAddress.size === 0;
  }

  /** Connections that have not ended. */
  get connections(): number {
    return this.#connections.open;
  }

  /** Makes a change of what is proxied. */
  change({ listeners, add = [], remove = [] }: ProxyChange): void {
    if (listeners !== undefined) this.setListeners(listeners);
    for (const address of remove) this.removeHost(address);
    for (const address of add) this.addHost(address);
  }

  /** Says where the agent listens, at this host's own addresses: at most one of each family. */
  setListeners(listeners: readonly Endpoint[]): void {
    for (const family of [4, 6] as const) {
      this.#listeners[family] = listeners.find(({ address }) => address.family === family);
    }
  }

  /** Takes the packets for `address` from now on. Harmless when repeated. */
  addHost(address: IpAddress): void {
    const key = address.toString();
    if (this.#byAddress.has(key)) return;
    const host = { address, index: ++this.#lastIndex, connections: 0 };
    this.#byAddress.set(key, host);
    this.#hosts.insert(Cidr.host(address), host);
  }

  /** Takes them no more, and breaks the connections. Harmless when there is no such host. */
  removeHost(address: IpAddress): void {
    const host = this.#byAddress.get(address.toString());
    if (host === undefined) return;
    this.#byAddress.delete(address.toString());
    this.#hosts.remove(Cidr.host(address));
    // Nothing would end them: a program that waits would wait for as long as its own timers let it.
    for (const connection of this.#connections.of(host)) this.#break(connection);
  }

  /**
   * Whether a packet is the listener's, for a program of this host: it is turned back and never leaves.
   * @param at where the IP packet begins in `bytes`
   */
  isOfListener(bytes: Uint8Array, at: number, lengthBytes: number): boolean {
    const version = ipVersion(bytes, at);
    const own = version === 0 || this.isIdle ? undefined : this.#listeners[version];
    if (version === 0 || own === undefined || lengthBytes < (version === 4 ? 40 : 60)) return false;
    const isLaterFragment = version === 4 && (uint16At(bytes, at + 6) & 0x1fff) !== 0;
    return !isLaterFragment && bytes[at + (version === 4 ? 9 : 6)] === IP_PROTOCOL.TCP &&
      uint16At(bytes, ipPayloadOffset(bytes, at, version)) === own.port &&
      isAddress(own.address, bytes, at + ipSourceOffset(version)) &&
      this.#hosts.lookupBytes(bytes, at + ipDestinationOffset(version), version) !== undefined;
  }

  /**
   * Takes a packet of this host, if it is for a proxied one.
   * @param at where the IP packet begins in `bytes`; it may be a superpacket
   * @param isPartial whether the checksum is only begun: the sum of the pseudo-header stands in its place
   */
  handlePacket(
    now: Millis,
    bytes: Uint8Array,
    at: number,
    lengthBytes: number,
    isPartial: boolean,
  ): ProxyOutcome {
    const version = ipVersion(bytes, at);
    if (version === 0 || lengthBytes < (version === 4 ? 20 : 40)) return "not-proxied";
    const host = this.#hosts.lookupBytes(bytes, at + ipDestinationOffset(version), version);
    if (host === undefined) return "not-proxied";
    if (ipPacketLength(bytes, at, lengthBytes) !== lengthBytes) return this.#drop("proxy-malformed");
    const own = this.#listeners[version];
    // What this host only passes on is nobody's of this node.
    if (own === undefined) return this.#refuse(now, bytes.subarray(at, at + lengthBytes), version, "host");
    if (!isAddress(own.address, bytes, at + ipSourceOffset(version))) {
      return this.#drop("proxy-foreign-source");
    }
    // A fragment has no ports; nothing of this host that is answered here comes in any.
    const isFragment = version === 4 && (uint16At(bytes, at + 6) & 0x3fff) !== 0;
    if (isFragment) return this.#drop("proxy-malformed");
    const payload = ipPayloadOffset(bytes, at, version);
    const end = at + lengthBytes;
    const packet = this.#packet;
    packet.bytes = bytes;
    packet.at = at;
    packet.payload = payload;
    packet.end = end;
    packet.version = version;
    packet.isPartial = isPartial;
    switch (bytes[at + (version === 4 ? 9 : 6)]) {
      case IP_PROTOCOL.TCP:
        return this.#handleSegment(now, host, own.port, packet);
      case version === 4 ? IP_PROTOCOL.ICMP : IP_PROTOCOL.ICMPV6:
        return this.#handleIcmp(now, host, packet);
      case IP_PROTOCOL.UDP:
        return this.#refuse(now, bytes.subarray(at, end), version, "port");
      default:
        return this.#refuse(now, bytes.subarray(at, end), version, "protocol");
    }
  }

  /** Takes the answer to a question; one that is not awaited any more changes nothing. */
  answer(now: Millis, id: number, answer: ProxyAnswer): void {
    const connection = this.#connections.byId(id);
    if (connection !== undefined) return this.#answerConnection(now, connection, answer);
    const request = this.#echoes.release(id);
    if (request === undefined) {
      if (answer === "accept") this.#questions.push({ kind: "gone", id });
      return;
    }
    if (answer !== "accept") return void this.#refuse(now, request, versionOf(request), "host");
    this.#packets.push(echoReply(request));
  }

  /** @returns the next question, or undefined */
  pollQuestion(): ProxyQuestion | undefined {
    return this.#questions.shift();
  }

  /** @returns the next packet that is to be written to the interface, whole and with its checksums; or undefined */
  pollPacket(): Uint8Array | undefined {
    return this.#packets.shift();
  }

  #handleSegment(now: Millis, host: ProxiedHost, listenerPort: number, packet: PacketView): ProxyOutcome {
    const { bytes, at, version, payload, end, isPartial } = packet;
    if (tcpHeaderBytes(bytes, payload, end) === 0) return this.#drop("proxy-malformed");
    const source = uint16At(bytes, payload);
    const destination = uint16At(bytes, payload + 2);
    const flags = bytes[payload + 13] ?? 0;
    if (source === listenerPort) {
      const connection = this.#connections.byPort(host, destination);
      if (connection === undefined || connection.held !== undefined) return this.#resetUnknown(packet, flags);
      this.#noteSent(now, connection, packet, flags);
      turnSegment(
        bytes,
        at,
        version,
        payload,
        connection.hostPort,
        connection.clientPort,
        isPartial,
      );
      return "write";
    }
    const connection = this.#connections.byClient(host, source, destination);
    const isSyn = (flags & (TCP_FLAGS.SYN | TCP_FLAGS.ACK | TCP_FLAGS.RST)) === TCP_FLAGS.SYN;
    if (isSyn && this.#isNew(now, connection, uint32At(bytes, payload + 4))) {
      return this.#hold(now, host, packet);
    }
    if (connection === undefined) return this.#resetUnknown(packet, flags);
    if (connection.held !== undefined) {
      // The program has given up.
      if ((flags & TCP_FLAGS.RST) !== 0) this.#connections.remove(connection);
      return "taken";
    }
    connection.lastAt = now;
    if ((flags & TCP_FLAGS.RST) !== 0) this.#connections.end(connection, ENDS.BOTH);
    else if ((flags & TCP_FLAGS.FIN) !== 0) this.#connections.end(connection, ENDS.CLIENT);
    turnSegment(bytes, at, version, payload, connection.translatedPort, listenerPort, isPartial);
    return "write";
  }

  /** Whether a SYN begins a connection, and is not the former one's once more. */
  #isNew(now: Millis, connection: Connection | undefined, sequence: number): boolean {
    if (connection === undefined || connection.initialSequence !== sequence) return true;
    return connection.held !== undefined && now - connection.beganAt > ANSWER_MS;
  }

  #hold(now: Millis, host: ProxiedHost, packet: PacketView): ProxyOutcome {
    const { bytes, at, version, payload, end } = packet;
    if (end - at > MAX_HELD_BYTES) return this.#drop("proxy-malformed");
    const connection = this.#connections.add(now, {
      host,
      clientPort: uint16At(bytes, payload),
      hostPort: uint16At(bytes, payload + 2),
      sequence: uint32At(bytes, payload + 4),
      held: bytes.slice(at, end),
    });
    if (connection === undefined) {
      this.#packets.push(resetOf(bytes.subarray(at, end), version, payload - at));
      return this.#drop("proxy-full");
    }
    const { id, hostPort: port, translatedPort } = connection;
    this.#questions.push({ kind: "connect", id, host: host.address.toString(), port, translatedPort });
    return "taken";
  }

  #answerConnection(now: Millis, connection: Connection, answer: ProxyAnswer): void {
    const packet = connection.held;
    if (packet === undefined) {
      if (answer !== "accept") this.#break(connection);
      return;
    }
    const version = versionOf(packet);
    const segment = payloadOf(packet);
    const own = this.#listeners[version];
    if (answer === "accept" && own !== undefined) {
      this.#connections.release(connection);
      turnSegment(packet, 0, version, segment, connection.translatedPort, own.port, true);
      putUint16(packet, segment + 16, 0);
      putUint16(packet, segment + 16, transportChecksum(packet, segment, IP_PROTOCOL.TCP));
      this.#packets.push(packet);
      return;
    }
    this.#connections.remove(connection);
    if (answer === "unreachable") this.#refuse(now, packet, version, "host");
    else this.#packets.push(resetOf(packet, version, segment));
  }

  /** The program is told, and the listener at its next segment. */
  #break(connection: Connection): void {
    const { host, clientPort, hostPort, initialSequence, nextSequence } = connection;
    const own = this.#listeners[host.address.family];
    const isOver = connection.ends === ENDS.BOTH;
    this.#connections.remove(connection);
    if (own === undefined || isOver) return;
    const segment = segmentBetween(own.address, host.address, clientPort, hostPort);
    // Before the listener has said anything, the program waits for an answer to its SYN.
    const at = nextSequence < 0
      ? { sequence: 0, acknowledged: (initialSequence + 1) % MAX_SEQUENCE }
      : { sequence: nextSequence, acknowledged: undefined };
    this.#packets.push(reset(segment, versionOf(segment), payloadOf(segment), at));
  }

  /** Notes what the listener says to the program. */
  #noteSent(now: Millis, connection: Connection, { bytes, payload, end }: PacketView, flags: number): void {
    connection.lastAt = now;
    const next = (uint32At(bytes, payload + 4) + sequenceLength(bytes, payload, end)) % MAX_SEQUENCE;
    const known = connection.nextSequence;
    // What is sent again does not lead back.
    if (known < 0 || ((next - known) >>> 0) < MAX_SEQUENCE / 2) connection.nextSequence = next;
    if ((flags & TCP_FLAGS.RST) !== 0) this.#connections.end(connection, ENDS.BOTH);
    else if ((flags & TCP_FLAGS.FIN) !== 0) this.#connections.end(connection, ENDS.LISTENER);
  }

  #handleIcmp(now: Millis, host: ProxiedHost, packet: PacketView): ProxyOutcome {
    const { bytes, at, version, payload, end, isPartial } = packet;
    // Other messages are answered by none, errors by no error (RFC 1122 §3.2.2).
    if (payload + 8 > end || !isEchoRequest(bytes, version, payload)) return this.#drop("proxy-unreachable");
    if (end - at > MAX_HELD_BYTES || isPartial) return this.#drop("proxy-malformed");
    if (!this.#echoes.hasRoom(now)) return this.#drop("proxy-full");
    const id = this.#connections.nextId();
    this.#echoes.hold(now, id, bytes.slice(at, end));
    this.#questions.push({ kind: "echo", id, host: host.address.toString() });
    return "taken";
  }

  #resetUnknown({ bytes, at, version, payload, end }: PacketView, flags: number): ProxyOutcome {
    if ((flags & TCP_FLAGS.RST) === 0) {
      this.#packets.push(resetOf(bytes.subarray(at, end), version, payload - at));
    }
    return "taken";
  }

  /** Says at once that a packet goes no further, as often as is good for the host. */
  #refuse(now: Millis, packet: Uint8Array, version: IpFamily, why: Undeliverable): ProxyOutcome {
    const answer = this.#icmpLimiter.wouldAllow(now, "")
      ? undeliverable(packet, 0, packet.length, { version, why })
      : undefined;
    if (answer !== undefined && this.#icmpLimiter.allows(now, "")) this.#packets.push(answer);
    return this.#drop("proxy-unreachable");
  }

  #drop(reason: ProxyDrop): "taken" {
    this.counters.count(reason);
    return "taken";
  }
}

function isAddress(address: IpAddress, bytes: Uint8Array, at: number): boolean {
  const own = address.bytes;
  for (let i = 0; i < own.length; i++) if (own[i] !== bytes[at + i]) return false;
  return true;
}
