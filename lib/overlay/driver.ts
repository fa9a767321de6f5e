/**
 * The port of encapsulations: what a driver is asked. A driver is pure: it reads and writes headers in memory that it is
 * handed, and allocates nothing for a frame. What opens sockets, knows members and switches frames is elsewhere.
 *
 *     underlay's headers, by whoever sends   | the driver's header            | payload
 *     IP, and UDP where the driver is on UDP | `Encapsulation.headerBytes`    | an Ethernet frame, or an IP packet
 *
 * @module
 */

/** What carries a driver's packets below its own header. */
export type DriverTransport =
  /** UDP to this port; the source port tells flows apart. */
  | { readonly kind: "udp"; readonly port: number }
  /** IP itself, with this protocol's number. */
  | { readonly kind: "ip"; readonly protocol: number }
  /** An Ethernet: the header stands inside of the frame. */
  | { readonly kind: "link" };

/** What is carried behind a driver's header. */
export type PayloadKind = "ethernet" | "ip";

/** What a driver can do. */
export interface DriverCapabilities {
  /** What carries its packets. */
  readonly transport: DriverTransport;
  /** What tells networks apart on the wire. */
  readonly identifier: { readonly name: string; readonly min: number; readonly max: number };
  /** The longest header of the driver's own, with options, in bytes. */
  readonly maxHeaderBytes: number;
  /** What it may carry; the first is what it does unless told. */
  readonly payloads: readonly PayloadKind[];
  /** Names of the options that `encapsulation` takes, with one sentence each. */
  readonly options: Readonly<Record<string, string>>;
  /** It extends an Ethernet over hosts. */
  readonly layer2: boolean;
  /** Its header tells flows of one network apart, so that routers spread them. */
  readonly flowEntropy: boolean;
  /** It may be sent to a multicast group that stands for all hosts. */
  readonly multicast: boolean;
  /** It says how urgent a packet is. */
  readonly trafficClass: boolean;
}

/** Why bytes are none of a driver's packets; counted under this name. */
export type DecodeFailure =
  | "truncated"
  | "bad-version"
  | "bad-flags"
  | "bad-checksum"
  | "unknown-protocol"
  | "unknown-option"
  | "no-identifier"
  | "expired"
  | "control-packet"
  | "wrong-network";

/** What `decode` found; one object is used for all packets. */
export class DecodedHeader {
  /** VNI, key, VSID, label or VID. */
  identifier = 0;
  /** What is carried. */
  payload: PayloadKind = "ethernet";
  /** Where the payload begins, in the bytes that were handed in. */
  payloadAt = 0;
  /** How long the payload is. */
  payloadBytes = 0;
  /** Where options lie; 0 without. */
  optionsAt = 0;
  /** How long the options are; 0 without. */
  optionsBytes = 0;
  /** The sequence number, or -1 without. */
  sequence: number = -1;
  /** How urgent it is, 0 to 7; 0 where the header says nothing. */
  trafficClass = 0;
  /** What stands around the identifier and narrows it down (the VID of a service tag), or -1 without. */
  outerIdentifier: number = -1;

  /** Forgets the packet before; each `decode` begins with it. */
  clear(): void {
    this.identifier = 0;
    this.payload = "ethernet";
    this.payloadAt = 0;
    this.payloadBytes = 0;
    this.optionsAt = 0;
    this.optionsBytes = 0;
    this.sequence = -1;
    this.trafficClass = 0;
    this.outerIdentifier = -1;
  }
}

/** How frames of one network are wrapped. */
export interface Encapsulation {
  /** The network's VNI, key, VSID, label or VID. */
  readonly identifier: number;
  /** What it carries. */
  readonly payload: PayloadKind;
  /** The same for all frames of the network. */
  readonly headerBytes: number;
  /** Each packet has a header of its own (a sequence number, a checksum): superpackets are cut before. */
  readonly isPerPacket: boolean;
  /**
   * Writes the header into the `headerBytes` before the payload. It may rewrite the payload's first 12 bytes, which a tag
   * stands behind.
   * @param at where the payload begins
   * @param flow a hash of the payload's flow, 32 bits
   */
  encode(bytes: Uint8Array, at: number, payloadBytes: number, flow: number): void;
  /**
   * Asked once `decode` has found the identifier of this network, before the payload is used: what only the network's options
   * decide. It may move where the payload begins.
   * @param header as `decode` has left it
   * @returns why the packet is none of this network's, or undefined when `header` is complete
   */
  accept(bytes: Uint8Array, header: DecodedHeader): DecodeFailure | undefined;
}

/** Options of a network, as its definition has them. */
export type DriverOptions = Readonly<Record<string, string>>;

/** One wire format. */
export interface OverlayDriver {
  /** As `weft network create --type` says it. */
  readonly name: string;
  /** What it can do. */
  readonly capabilities: DriverCapabilities;
  /**
   * How frames of one network are wrapped.
   * @throws IdentifierRangeError when there is no such identifier, InvalidDriverOptionError when an option is unknown or
   * has a value that is none
   */
  encapsulation(identifier: number, options?: DriverOptions): Encapsulation;
  /**
   * Reads the header of a packet. What stands before the payload may be rewritten (a tag is taken out of a frame). When the
   * identifier is a network's, the `accept` of its encapsulation completes it.
   * @param at behind the headers of the underlay: IP and UDP; for `link` where the frame begins
   * @returns why it is none, or undefined when `header` says what it is
   */
  decode(
    bytes: Uint8Array,
    at: number,
    lengthBytes: number,
    header: DecodedHeader,
  ): DecodeFailure | undefined;
}

/** Makes a driver. */
export type DriverFactory = () => OverlayDriver;
