/**
 * What the evaluator is asked, and what it says. Numbers are of one program: they mean nothing in another.
 * @module
 */

/**
 * Who somebody is in one program: a member, an endpoint of an overlay network, or a block of addresses that nobody of them
 * has. 0 is everybody else, whom `*` alone means.
 */
export type SubjectNumber = number;

/** A rule's number in a program, in the order in which they are asked. */
export type RuleNumber = number;

/** Stands for a rule where none has decided. */
export const NO_RULE = -1;

/**
 * What a program says of one attempt. Objects are made when a program is read and are the same for the same decision, so
 * that none is made for a packet.
 */
export interface Decision {
  readonly isAllowed: boolean;
  /** Which rule says so; `NO_RULE` where no policy is on the destination (allowed), or none of its rules matches (denied). */
  readonly rule: RuleNumber;
  /** Whether whoever was denied is told. */
  readonly isRejected: boolean;
  /** What passes goes by one of these; empty for the straight way. */
  readonly via: readonly SubjectNumber[];
  /** The service that is called in place of the one that was meant, or undefined; of calls alone. */
  readonly viaService: string | undefined;
  /** The rule that limits what passes, or `NO_RULE`. */
  readonly limit: RuleNumber;
  /** The rule that marks what passes, or `NO_RULE`. */
  readonly qos: RuleNumber;
}

/** What shapes: of a `limit` or `qos` rule. */
export interface Shape {
  /** Bytes a second; 0 for no bound. */
  readonly bytesPerSecond: number;
  /** Packets, frames, calls or events a second; 0 for no bound. */
  readonly itemsPerSecond: number;
  /** Bytes at once, or items where items are bounded. */
  readonly burst: number;
  /** 0 to 63; undefined leaves it as it is. */
  readonly dscp: number | undefined;
}

/**
 * One compiled policy set. Immutable; another set is another evaluator. All methods are pure, and none allocates once a pair of
 * subjects has been asked for.
 */
export interface PolicyEvaluator {
  /** Which document it was made of: 16 hexadecimal digits. */
  readonly revision: string;
  /** How rules are named, `web-tier#3`, by their numbers. */
  readonly ruleNames: readonly string[];
  /** @returns the number of a network (`mesh`, or an overlay network's name) in this program, or undefined when no policy is of it: then all passes */
  networkNumber(name: string): number | undefined;
  /**
   * @param at where the 4 or 16 bytes of an address are
   * @returns whose address it is in that network
   */
  subjectAt(network: number, bytes: Uint8Array, at: number, addressBytes: 4 | 16): SubjectNumber;
  /** @returns the member or endpoint with that id (a node id; an endpoint's name in an overlay network), or 0 */
  subjectOf(network: number, id: string): SubjectNumber;
  /** @returns the addresses that a member or endpoint has for itself, of 4 or 16 bytes */
  addressesOf(network: number, subject: SubjectNumber): readonly Uint8Array[];
  /** Whether any rule of the network redirects packets. */
  redirectsPackets(network: number): boolean;
  /** Whether a subject is so much as named by any rule of the network, as source or destination; if none of both is, all passes. */
  isRestricted(network: number, destination: SubjectNumber): boolean;
  /**
   * Decides for IP: whoever begins is the source.
   * @param protocol of the IP header; ICMP is 1 and 58, which are the same here
   * @param sourcePort 0 where the protocol has none
   */
  decide(
    network: number,
    source: SubjectNumber,
    destination: SubjectNumber,
    protocol: number,
    sourcePort: number,
    destinationPort: number,
  ): Decision;
  /** Decides for a frame that holds no IP. */
  decideFrame(
    network: number,
    source: SubjectNumber,
    destination: SubjectNumber,
    etherType: number,
  ): Decision;
  /** Decides for a call of an action (`orders/refund`) at a member, in the mesh. */
  decideCall(source: SubjectNumber, destination: SubjectNumber, path: string): Decision;
  /** Decides whether an event of a topic may go from one to another; asked with destination 0 for whether it may be published at all. */
  decideEvent(source: SubjectNumber, destination: SubjectNumber, topic: string): Decision;
  /** Whether anything at all of one may be reached by another, for names that are hidden. */
  mayReach(network: number, source: SubjectNumber, destination: SubjectNumber): boolean;
  /** Whether names are hidden. */
  readonly hidesNames: boolean;
  /** @returns what a rule of the kind `limit` or `qos` says */
  shapeOf(rule: RuleNumber): Shape | undefined;
}
