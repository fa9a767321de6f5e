/**
 * The protocols that members speak with each other, which versions of each this release can do, and which ones two ends
 * agree on. Both say theirs in the payloads of a handshake, where nobody in between can change anything unnoticed; both come
 * to the same result by themselves.
 * @module
 */

import {
  commonVersion,
  FIRST_VERSION,
  isVersionRange,
  rangeText,
  type VersionRange,
} from "../../base/mod.ts";
import {
  decodeMessage,
  encodeMessage,
  HelloReplySchema,
  type MessageFields,
  type ProtocolRange,
  type ProtocolRangeSchema,
} from "../../proto/mod.ts";

/** Every protocol with its number on the wire. The names are those of the pages in `docs/protocol`. */
const PROTOCOL_NUMBERS = {
  /** The frames before the first record. */
  handshake: 1,
  /** Records, envelopes, streams. */
  channel: 2,
  /** Records, gossip, leaders, on the topic `mesh`. */
  mesh: 3,
  /** How a machine with a token is let in. */
  join: 4,
  /** Probes and introductions. */
  path: 5,
  /** Binds of relays, and links through members. */
  relay: 6,
  /** Datagrams on streams. */
  carrier: 7,
  /** Calls, events, values. */
  service: 8,
  /** Connections of ordinary programs. */
  forward: 9,
  /** Frames of overlay networks on channels. */
  frames: 10,
  /** What each end sees of its links. */
  links: 11,
} as const;

/** The name of a protocol. */
export type Protocol = keyof typeof PROTOCOL_NUMBERS;

/** All of them, the most basic first. */
export const PROTOCOLS = Object.keys(PROTOCOL_NUMBERS) as readonly Protocol[];

/** What one end speaks; protocols that are left out it does not. */
export type ProtocolVersions = Readonly<Partial<Record<Protocol, VersionRange>>>;

/** What this release speaks: of everything the first version. */
export const OWN_PROTOCOLS: ProtocolVersions = Object.fromEntries(
  PROTOCOLS.map((protocol) => [protocol, FIRST_VERSION]),
);

/** A release that said nothing of versions speaks the first one of what there was then. */
const UNSTATED = OWN_PROTOCOLS;

const MAX_VERSION = 0xffff;
const MAX_STATED = 64;
const MAX_REPLY_BYTES = 1_024;

/** The version of each protocol that both ends speak. */
export type AgreedVersions = Readonly<Partial<Record<Protocol, number>>>;

/** A protocol of which two ends have no version in common. */
export interface VersionConflict {
  readonly protocol: Protocol;
  readonly ours: VersionRange;
  readonly theirs: VersionRange;
}

/**
 * @param ours what this end speaks
 * @param theirs what the other end says; undefined when it says nothing
 * @returns the newest version that both speak of each protocol that both know, or the first one where there is none
 */
export function agreeOnVersions(
  ours: ProtocolVersions,
  theirs: ProtocolVersions = UNSTATED,
): AgreedVersions | VersionConflict {
  const agreed: Partial<Record<Protocol, number>> = {};
  for (const protocol of PROTOCOLS) {
    const [own, other] = [ours[protocol], theirs[protocol]];
    if (own === undefined || other === undefined) continue;
    const common = commonVersion(own, other);
    if (common === undefined) return { protocol, ours: own, theirs: other };
    agreed[protocol] = common;
  }
  return agreed;
}

/** Whether it is what two ends that can't speak with each other come to. */
export function isConflict(outcome: AgreedVersions | VersionConflict): outcome is VersionConflict {
  return "protocol" in outcome;
}

/** Whether this end is the one whose release is the older one. */
export function isOursOlder({ ours, theirs }: VersionConflict): boolean {
  return ours.newest < theirs.oldest;
}

/**
 * @param who the other end, as people call it
 * @param self this end, likewise
 * @returns what is wrong and what to do, each a sentence
 */
export function conflictText(
  conflict: VersionConflict,
  who: string,
  self = "this node",
): { readonly problem: string; readonly hint: string } {
  const { protocol, ours, theirs } = conflict;
  return {
    problem: `${who} speaks ${rangeText(theirs)} of the protocol ${protocol}, ${self} ${rangeText(ours)}`,
    hint: `Upgrade weft on ${isOursOlder(conflict) ? self : who}.`,
  };
}

/** @returns the fields of a hello or of its reply */
export function protocolsToWire(versions: ProtocolVersions): MessageFields<typeof ProtocolRangeSchema>[] {
  return PROTOCOLS.flatMap((protocol) => {
    const range = versions[protocol];
    return range === undefined ? [] : [{ protocol: PROTOCOL_NUMBERS[protocol], ...range }];
  });
}

/** @returns what was said, protocols that this release does not know left out; undefined when it is malformed */
export function readProtocols(wire: readonly ProtocolRange[]): ProtocolVersions | undefined {
  if (wire.length > MAX_STATED) return undefined;
  const versions: Partial<Record<Protocol, VersionRange>> = {};
  for (const { protocol: number, oldest, newest } of wire) {
    if (!isVersionRange({ oldest, newest }, MAX_VERSION)) return undefined;
    const protocol = PROTOCOLS.find((name) => PROTOCOL_NUMBERS[name] === number);
    if (protocol === undefined) continue;
    if (versions[protocol] !== undefined) return undefined;
    versions[protocol] = { oldest, newest };
  }
  return versions;
}

/**
 * @param asked what the hello said; undefined when that was nothing
 * @returns the payload of the second message: of the protocols that were named, since it may not be longer than the first
 */
export function encodeHelloReply(ours: ProtocolVersions, asked: ProtocolVersions | undefined): Uint8Array {
  const named = PROTOCOLS.filter((protocol) =>
    asked?.[protocol] !== undefined && ours[protocol] !== undefined
  );
  const versions = Object.fromEntries(named.map((protocol) => [protocol, ours[protocol]]));
  return encodeMessage(HelloReplySchema, { protocols: protocolsToWire(versions) });
}

/** Never throws. @returns what the reply says; undefined when it says nothing, "malformed" when it is none */
export function decodeHelloReply(bytes: Uint8Array): ProtocolVersions | undefined | "malformed" {
  if (bytes.length === 0) return undefined;
  const wire = decodeMessage(HelloReplySchema, bytes, MAX_REPLY_BYTES);
  return wire === undefined ? "malformed" : readProtocols(wire.protocols) ?? "malformed";
}
