/**
 * The words of a rule, read: protocols, ports, what a rule is for, rates, bursts and marks.
 * @module
 */

/** Protocols as one number: IP's are 0 to 255 (with ICMPv6 as ICMP), Ethernet's begin at `ETHERTYPE`. */
export const PROTOCOL = {
  ANY: -1,
  ICMP: 1,
  TCP: 6,
  UDP: 17,
  ICMPV6: 58,
  SCTP: 132,
  CALL: 256,
  EVENT: 257,
  ETHERTYPE: 0x1_0000,
} as const;

/** First and last port, both meant. */
export type PortRange = readonly [first: number, last: number];

const PROTOCOLS: ReadonlyMap<string, number> = new Map([
  ["*", PROTOCOL.ANY],
  ["tcp", PROTOCOL.TCP],
  ["udp", PROTOCOL.UDP],
  ["icmp", PROTOCOL.ICMP],
  ["sctp", PROTOCOL.SCTP],
  ["call", PROTOCOL.CALL],
  ["event", PROTOCOL.EVENT],
]);
// RFC 826 §Packet format; below 0x600 the field is a length (IEEE 802.3 §3.2.6).
const ETHERTYPE = /^ethertype:0x([0-9a-f]{1,4})$/i;
const MIN_ETHERTYPE = 0x600;
const PORT_RANGE = /^(0|[1-9]\d{0,4})(?:-([1-9]\d{0,4}))?$/;
const MAX_PORT = 65_535;
const RATE = /^([1-9]\d{0,11}|\d{1,9}\.\d{1,3})(bit|kbit|mbit|gbit|B|KB|MB|GB|KiB|MiB|GiB|\/s)$/i;
const BURST = /^([1-9]\d{0,11})(B|KB|MB|GB|KiB|MiB|GiB)?$/i;
const UNITS: Readonly<Record<string, number>> = {
  bit: 1 / 8,
  kbit: 1e3 / 8,
  mbit: 1e6 / 8,
  gbit: 1e9 / 8,
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
};
// RFC 2474 §4.2.2 (cs), RFC 2597 §6 (af), RFC 3246 §2.7 (ef), RFC 8622 §3 (le).
const DSCP_NAMES: ReadonlyMap<string, number> = new Map([
  ["ef", 46],
  ["le", 1],
  ...Array.from({ length: 8 }, (_, level) => [`cs${level}`, level * 8] as const),
  ...Array.from({ length: 12 }, (_, i) => {
    const [level, drop] = [1 + Math.floor(i / 3), 1 + i % 3];
    return [`af${level}${drop}`, level * 8 + drop * 2] as const;
  }),
]);

/** @returns the protocol's number, `PROTOCOL.ANY` for `*`, or undefined when `text` names none */
export function parseProtocol(text: string): number | undefined {
  const named = PROTOCOLS.get(text);
  if (named !== undefined) return named;
  if (/^(0|[1-9]\d{0,2})$/.test(text) && Number(text) <= 255) return sameProtocol(Number(text));
  const etherType = parseInt(ETHERTYPE.exec(text)?.[1] ?? "", 16);
  return etherType >= MIN_ETHERTYPE ? PROTOCOL.ETHERTYPE + etherType : undefined;
}

/** @returns the number under which rules know a protocol of IP: ICMP's for that of IPv6, too */
export function sameProtocol(protocol: number): number {
  return protocol === PROTOCOL.ICMPV6 ? PROTOCOL.ICMP : protocol;
}

/** Whether a protocol has ports. */
export function hasPorts(protocol: number): boolean {
  return protocol === PROTOCOL.TCP || protocol === PROTOCOL.UDP || protocol === PROTOCOL.SCTP;
}

/** @returns ranges in order, those that touch joined; none for all ports (`*` or nothing); undefined when `text` is none */
export function parsePorts(text: string | undefined): readonly PortRange[] | undefined {
  if (text === undefined || text === "*") return [];
  const ranges: [number, number][] = [];
  for (const part of text.split(",")) {
    const [, first, last = first] = PORT_RANGE.exec(part.trim()) ?? [];
    if (first === undefined || Number(last) > MAX_PORT || Number(last) < Number(first)) return undefined;
    ranges.push([Number(first), Number(last)]);
  }
  ranges.sort((a, b) => a[0] - b[0]);
  const joined: [number, number][] = [];
  for (const [first, last] of ranges) {
    const former = joined.at(-1);
    if (former !== undefined && first <= former[1] + 1) former[1] = Math.max(former[1], last);
    else joined.push([first, last]);
  }
  return joined;
}

/** What a rule is for. */
export type RuleTarget =
  | { readonly kind: "subjects"; readonly selector: string }
  /** Calls of a path and what is below it, wherever they go. */
  | { readonly kind: "service"; readonly path: string }
  /** Events of topics, wherever they go. */
  | { readonly kind: "topic"; readonly pattern: string };

const SERVICE_ALONE = /^\s*service:([A-Za-z0-9_.$-]+(?:\/[A-Za-z0-9_.$-]+)*)\s*$/;
const TOPIC_ALONE = /^\s*topic:([A-Za-z0-9_.$*{}>:/-]+)\s*$/;

/** @returns what a destination selector is for under a protocol: `service:orders` by itself is members under `tcp`, and calls under `*` */
export function readTarget(destinationSelector: string, protocol: number): RuleTarget {
  const path = SERVICE_ALONE.exec(destinationSelector)?.[1];
  if (path !== undefined && (protocol === PROTOCOL.ANY || protocol === PROTOCOL.CALL)) {
    return { kind: "service", path };
  }
  const pattern = TOPIC_ALONE.exec(destinationSelector)?.[1];
  if (pattern !== undefined) return { kind: "topic", pattern };
  return { kind: "subjects", selector: destinationSelector };
}

/** @returns the service that a redirect's `via` names by itself, or undefined */
export function readServicePath(via: string): string | undefined {
  return SERVICE_ALONE.exec(via)?.[1];
}

/** @returns bytes or items a second, the other one 0; undefined when `text` is no rate */
export function parseRate(text: string): { bytesPerSecond: number; itemsPerSecond: number } | undefined {
  const [, amount, unit = ""] = RATE.exec(text) ?? [];
  if (amount === undefined || Number(amount) <= 0) return undefined;
  if (unit === "/s") return { bytesPerSecond: 0, itemsPerSecond: Number(amount) };
  return { bytesPerSecond: Number(amount) * (UNITS[unit.toLowerCase()] ?? 0), itemsPerSecond: 0 };
}

/** @returns bytes (`256KB`) or items (`100`); undefined when `text` is neither */
export function parseBurst(text: string): { amount: number; isBytes: boolean } | undefined {
  const [, amount, unit] = BURST.exec(text) ?? [];
  if (amount === undefined) return undefined;
  return { amount: Number(amount) * (UNITS[unit?.toLowerCase() ?? "b"] ?? 1), isBytes: unit !== undefined };
}

/** @returns 0 to 63, or undefined when it is no mark of differentiated services */
export function parseDscp(value: number | string): number | undefined {
  const number = typeof value === "number" ? value : DSCP_NAMES.get(value) ??
    (/^\d{1,2}$/.test(value) ? Number(value) : -1);
  return Number.isInteger(number) && number >= 0 && number <= 63 ? number : undefined;
}
