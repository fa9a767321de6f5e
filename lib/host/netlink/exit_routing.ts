/**
 * How a host sends what is for nobody it knows through its mesh interface, by rules before the main table (ip-rule(8)):
 *
 *     1  from this agent's own port            main       what carries the mesh is not carried by it
 *     2  this agent's dials to some members    main
 *     3  to a port of name servers             own table  also when the server is in a network beside this host
 *     4  anybody                               main, but for its default routes
 *     5  anybody                               own table: the mesh interface, and behind it `unreachable`
 *
 * The rules and the last route stay when the interface goes, so that nothing gets out another way.
 * @module
 */

import { Cidr, type Endpoint, type IpFamily } from "../../net/mod.ts";
import { AF_INET, AF_INET6, ERRNO } from "../ffi/mod.ts";
import { encodeUint32, type NetlinkAttribute, NLM_F } from "./netlink_message.ts";
import { MAIN_TABLE, type RoutePayload, RTM } from "./netlink_route.ts";

/** The routing table, which nobody else has. */
export const EXIT_TABLE = 22_270;

const RTM_NEWRULE = 32;
const RTM_DELRULE = 33;
// linux/fib_rules.h
const FRA_DST = 1;
const FRA_IIFNAME = 3;
const FRA_PRIORITY = 6;
const FRA_SUPPRESS_PREFIXLEN = 14;
const FRA_TABLE = 15;
const FRA_UID_RANGE = 20;
const FRA_IP_PROTO = 22;
const FRA_SPORT_RANGE = 23;
const FRA_DPORT_RANGE = 24;
const FR_ACT_TO_TBL = 1;
// linux/rtnetlink.h
const RTA_DST = 1;
const RTA_OIF = 4;
const RTA_PRIORITY = 6;
const RTA_TABLE = 15;
const RTN_UNICAST = 1;
const RTN_UNREACHABLE = 7;
const RTPROT_STATIC = 4;
const RT_SCOPE_LINK = 253;
const RT_SCOPE_NOWHERE = 255;
const LAST_METRIC = 0xffff_0000;

const [TCP, UDP] = [6, 17];
const DNS_PORTS = [[UDP, 53], [TCP, 53], [TCP, 853], [UDP, 853]] as const;
const FAMILIES: readonly IpFamily[] = [4, 6];
/** Priorities of the rules, in the order above. */
const [OWN, DIALS, NAMES, LOCAL, REST] = [22_270, 22_271, 22_272, 22_273, 22_274];
const ALL = [OWN, DIALS, NAMES, LOCAL, REST];

/** What goes where. */
export interface ExitPlan {
  readonly interfaceName: string;
  /** The families that the exit leads; the others are unreachable. */
  readonly families: readonly IpFamily[];
  /** This agent's port, of UDP and TCP. */
  readonly port: number;
  /** Where this agent dials members by TCP, past the exit. */
  readonly dials: readonly Endpoint[];
  /** Of this agent's user. */
  readonly uid: number;
  /** Whether networks beside this host are reached no more either. */
  readonly blocksLan: boolean;
  /** The blocks of the mesh. */
  readonly overlay: readonly Cidr[];
}

/** Asks the kernel for a change. @returns its `errno`, 0 when it is done */
export type ChangeRequest = (type: number, flags: number, payload: RoutePayload) => number;

interface Rule {
  readonly family: IpFamily;
  readonly priority: number;
  readonly table: number;
  readonly isOwnTraffic?: true;
  readonly suppressDefault?: true;
  readonly protocol?: number;
  readonly sourcePort?: number;
  readonly destinationPort?: number;
  readonly to?: Cidr;
  readonly uid?: number;
}

/**
 * Brings rules and table in line with a plan; what stays is not touched meanwhile.
 * @param index the interface's
 * @param former what was set before in this process
 * @returns the first `errno` of the kernel, 0 when all is done
 */
export function setExit(change: ChangeRequest, index: number, plan: ExitPlan, former?: ExitPlan): number {
  // Of a process that is gone nobody knows at which port it was, and whom it dialled.
  if (former === undefined) removeRules(change, [OWN, DIALS]);
  const failures: number[] = [];
  const wanted = rulesOf(plan);
  for (const family of FAMILIES) {
    const create = (payload: RoutePayload) =>
      failures.push(tolerated(change(RTM.NEWROUTE, NLM_F.CREATE | NLM_F.EXCL, payload), family));
    const everything = everywhere(family);
    create(encodeRoute(everything, { type: RTN_UNREACHABLE, metric: LAST_METRIC }));
    for (const cidr of plan.overlay.filter((block) => block.family === family)) {
      create(encodeRoute(cidr, { index }));
    }
    if (plan.families.includes(family)) create(encodeRoute(everything, { index }));
    else change(RTM.DELROUTE, 0, encodeRoute(everything, { index }));
  }
  for (const rule of wanted) {
    const errno = change(RTM_NEWRULE, NLM_F.CREATE | NLM_F.EXCL, encodeRule(rule));
    failures.push(tolerated(errno, rule.family));
  }
  const keys = new Set(wanted.map(keyOf));
  for (const rule of former === undefined ? [] : rulesOf(former)) {
    if (!keys.has(keyOf(rule))) change(RTM_DELRULE, 0, encodeRule(rule));
  }
  if (former === undefined && plan.blocksLan) removeRules(change, [LOCAL]);
  return failures.find((errno) => errno !== 0) ?? 0;
}

/** Takes everything back, whoever has set it. @param blocks those to which the table leads */
export function clearExit(change: ChangeRequest, blocks: readonly Cidr[]): void {
  removeRules(change, ALL);
  for (const cidr of [...blocks, ...FAMILIES.map(everywhere)]) {
    const payload = encodeRoute(cidr, {});
    for (let i = 0; i < MAX_SAME && change(RTM.DELROUTE, 0, payload) === 0; i++);
  }
}

/** More rules or routes alike are not removed at once. */
const MAX_SAME = 256;

function removeRules(change: ChangeRequest, priorities: readonly number[]): void {
  for (const family of FAMILIES) {
    // Backwards: what is blocked stays blocked until the last.
    for (const priority of priorities) {
      const body = ruleBody(family, 0, 0);
      const payload = { body, attributes: [[FRA_PRIORITY, encodeUint32(priority)]] as NetlinkAttribute[] };
      for (let i = 0; i < MAX_SAME && change(RTM_DELRULE, 0, payload) === 0; i++);
    }
  }
}

/** What is there already is as it should be, and a kernel without IPv6 leaks none. */
function tolerated(errno: number, family: IpFamily): number {
  if (errno === ERRNO.EEXIST) return 0;
  return family === 6 && (errno === ERRNO.EOPNOTSUPP || errno === ERRNO.EAFNOSUPPORT) ? 0 : errno;
}

function rulesOf({ port, dials, uid, blocksLan }: ExitPlan): readonly Rule[] {
  return FAMILIES.flatMap((family): Rule[] => [
    ...[UDP, TCP].map((protocol): Rule => ({
      family,
      priority: OWN,
      table: MAIN_TABLE,
      isOwnTraffic: true,
      protocol,
      sourcePort: port,
    })),
    ...dials.filter(({ address }) => address.family === family).map((dial): Rule => ({
      family,
      priority: DIALS,
      table: MAIN_TABLE,
      protocol: TCP,
      destinationPort: dial.port,
      to: Cidr.host(dial.address),
      uid,
    })),
    ...DNS_PORTS.map(([protocol, destinationPort]): Rule => ({
      family,
      priority: NAMES,
      table: EXIT_TABLE,
      protocol,
      destinationPort,
    })),
    ...blocksLan ? [] : [{ family, priority: LOCAL, table: MAIN_TABLE, suppressDefault: true } as const],
    { family, priority: REST, table: EXIT_TABLE },
  ]);
}

function keyOf(rule: Rule): string {
  return JSON.stringify({ ...rule, to: rule.to && `${rule.to}` });
}

/** `struct fib_rule_hdr`: family, lengths of destination and source, tos, table, two of nothing, action, flags (32 bits). */
function ruleBody(family: IpFamily, destinationBits: number, action: number): Uint8Array {
  return Uint8Array.of(family === 4 ? AF_INET : AF_INET6, destinationBits, 0, 0, 0, 0, 0, action, 0, 0, 0, 0);
}

function encodeRule(rule: Rule): RoutePayload {
  const attributes: NetlinkAttribute[] = [
    [FRA_PRIORITY, encodeUint32(rule.priority)],
    [FRA_TABLE, encodeUint32(rule.table)],
  ];
  if (rule.isOwnTraffic) attributes.push([FRA_IIFNAME, new TextEncoder().encode("lo\0")]);
  if (rule.suppressDefault) attributes.push([FRA_SUPPRESS_PREFIXLEN, encodeUint32(0)]);
  if (rule.protocol !== undefined) attributes.push([FRA_IP_PROTO, Uint8Array.of(rule.protocol)]);
  if (rule.sourcePort !== undefined) attributes.push([FRA_SPORT_RANGE, range16(rule.sourcePort)]);
  if (rule.destinationPort !== undefined) attributes.push([FRA_DPORT_RANGE, range16(rule.destinationPort)]);
  if (rule.to !== undefined) attributes.push([FRA_DST, rule.to.address.bytes]);
  if (rule.uid !== undefined) {
    attributes.push([FRA_UID_RANGE, new Uint8Array([...encodeUint32(rule.uid), ...encodeUint32(rule.uid)])]);
  }
  return { body: ruleBody(rule.family, rule.to?.prefixBits ?? 0, FR_ACT_TO_TBL), attributes };
}

function range16(port: number): Uint8Array {
  return Uint8Array.of(port & 0xff, port >> 8, port & 0xff, port >> 8);
}

/** A route of the own table; without a type it is any, for removing. */
function encodeRoute(
  cidr: Cidr,
  { index, type, metric }: { readonly index?: number; readonly type?: number; readonly metric?: number },
): RoutePayload {
  const { family, prefixBits, address } = cidr;
  const kind = type ?? (index === undefined ? 0 : RTN_UNICAST);
  const scope = kind === 0 ? RT_SCOPE_NOWHERE : family === 4 && kind === RTN_UNICAST ? RT_SCOPE_LINK : 0;
  const protocol = kind === 0 ? 0 : RTPROT_STATIC;
  const body = Uint8Array.of(
    family === 4 ? AF_INET : AF_INET6,
    prefixBits,
    0,
    0,
    0,
    protocol,
    scope,
    kind,
    0,
    0,
    0,
    0,
  );
  const attributes: NetlinkAttribute[] = [[RTA_TABLE, encodeUint32(EXIT_TABLE)]];
  if (prefixBits > 0) attributes.push([RTA_DST, address.bytes]);
  if (index !== undefined) attributes.push([RTA_OIF, encodeUint32(index)]);
  if (metric !== undefined) attributes.push([RTA_PRIORITY, encodeUint32(metric)]);
  return { body, attributes };
}

function everywhere(family: IpFamily): Cidr {
  const cidr = Cidr.parse(family === 4 ? "0.0.0.0/0" : "::/0");
  if (cidr === undefined) throw new TypeError("no block of everything");
  return cidr;
}
