/**
 * The guard of one overlay network: of IP as `FlowGuard` does it, and of frames that hold none.
 *
 * | what comes                                      | what becomes of it                                                  |
 * | ----------------------------------------------- | ------------------------------------------------------------------- |
 * | ARP, Neighbor Discovery, IGMP and MLD to groups | passes: without them nobody is found (RFC 826, RFC 4861, RFC 3376)  |
 * | IPv4, IPv6, behind tags too                     | by its addresses; from an address that nobody has, also as whoever  |
 * |                                                 | has the source's MAC address                                        |
 * | anything else                                   | by its EtherType, and whose MAC addresses it has                    |
 * | to a group or to all                            | as any destination: `*` and blocks with the address mean it         |
 * | from or to MAC addresses that nobody was given  | everybody else's, whom `*` means                                    |
 *
 * @module
 */

import type { Millis } from "../../base/mod.ts";
import {
  ETHER_TYPE,
  type EthernetHeader,
  IP_PROTOCOL,
  type IpAddress,
  Ipv6Payload,
  type MacAddress,
  ND_TYPE,
  uint16At,
} from "../../net/mod.ts";
import { type Decision, NO_RULE, type PolicyEvaluator, type RuleNumber } from "../evaluate/mod.ts";
import { FlowGuard, type FlowGuardParts } from "./flow_guard.ts";
import { FrameDenials } from "./frame_denials.ts";
import { type Denial, type GuardOutcome, type RuleCounts, VERDICT } from "./packet_guard.ts";
import { RuleTally } from "./rule_tally.ts";

const IGMP = 2;
/** MLD: query, report, done, report of version 2 (RFC 2710 §3, RFC 3810 §5). */
const MLD_TYPES: readonly number[] = [130, 131, 132, 143];

interface AskedNetwork {
  readonly evaluator: PolicyEvaluator;
  readonly network: number;
}

/** Guards one overlay network. */
export class FrameGuard {
  isIdle = true;
  /** Where the last frame's IP header is, or -1. */
  ipAt = -1;
  readonly #parts: FlowGuardParts;
  readonly #packets: FlowGuard;
  readonly #denials = new FrameDenials();
  readonly #payload = new Ipv6Payload();
  readonly #addresses = new Map<number, IpAddress>();
  readonly #outcome: GuardOutcome = {
    verdict: VERDICT.PASS,
    rule: NO_RULE,
    via: 0,
    limit: NO_RULE,
    qos: NO_RULE,
    source: 0,
    destination: 0,
    isReply: false,
  };
  #enforced: AskedNetwork | undefined;
  #trial: AskedNetwork | undefined;
  #tally = new RuleTally(0);

  constructor(parts: FlowGuardParts) {
    this.#parts = parts;
    this.#packets = new FlowGuard(parts);
  }

  /** Of the last frame; read at once. */
  get outcome(): GuardOutcome {
    return this.ipAt < 0 ? this.#outcome : this.#packets.outcome;
  }

  get flows(): number {
    return this.#packets.flows;
  }

  /** Takes another program, or none; a network of which there is no policy is unguarded. */
  use(evaluator: PolicyEvaluator | undefined, network: number | undefined, trial?: PolicyEvaluator): void {
    this.#packets.use(evaluator, network, trial);
    this.#enforced = evaluator && network !== undefined ? { evaluator, network } : undefined;
    const tried = trial?.networkNumber(this.#parts.network);
    this.#trial = trial && tried !== undefined ? { evaluator: trial, network: tried } : undefined;
    this.#tally = new RuleTally(this.#enforced?.evaluator.ruleNames.length ?? 0);
    this.isIdle = this.#packets.isIdle;
  }

  /** Tells whose a MAC address is: of whoever has the first of these addresses. */
  bind(mac: MacAddress, addresses: readonly IpAddress[]): void {
    const [address] = addresses;
    if (address === undefined) return this.unbind(mac);
    this.#addresses.set(keyOf(mac.high, mac.low), address);
  }

  unbind(mac: MacAddress): void {
    this.#addresses.delete(keyOf(mac.high, mac.low));
  }

  /**
   * Decides for one frame, or superframe of one flow.
   * @param header of the frame that begins at `at`
   * @param direction one of `DIRECTION`; `THROUGH` between two endpoints of this host
   * @param packets how many it is cut into
   * @returns one of `VERDICT`; `outcome` has the rest
   */
  check(
    now: Millis,
    header: EthernetHeader,
    bytes: Uint8Array,
    at: number,
    lengthBytes: number,
    direction: number,
    packets: number,
  ): number {
    const { etherType, payloadAt } = header;
    const end = at + lengthBytes;
    this.ipAt = -1;
    this.#outcome.limit = this.#outcome.qos = NO_RULE;
    if (etherType === ETHER_TYPE.ARP) return VERDICT.PASS;
    if (etherType !== ETHER_TYPE.IPV4 && etherType !== ETHER_TYPE.IPV6) {
      return this.#checkOther(header, lengthBytes, direction, packets);
    }
    if (this.#isOfLink(etherType, bytes, payloadAt, end)) return VERDICT.PASS;
    this.ipAt = payloadAt;
    this.#packets.sender = this.#addresses.get(keyOf(header.sourceHigh, header.sourceLow));
    return this.#packets.check(now, bytes, payloadAt, end - payloadAt, direction, packets);
  }

  /** @returns the frame that tells whoever sent the last one that it was rejected, or undefined */
  answer(header: EthernetHeader, bytes: Uint8Array, at: number, lengthBytes: number): Uint8Array | undefined {
    const { ipAt } = this;
    // Nobody answers what is for many (RFC 1122 §3.2.2), nor what hides its EtherType behind SNAP.
    if (ipAt < 0 || (header.destinationHigh & 0x0100) !== 0) return undefined;
    if (uint16At(bytes, ipAt - 2) !== header.etherType) return undefined;
    if (ipAt - at !== 14 + 4 * header.tags) return undefined;
    const packet = this.#packets.answer(bytes, ipAt, at + lengthBytes - ipAt);
    if (packet === undefined) return undefined;
    const frame = new Uint8Array(ipAt - at + packet.length);
    frame.set(bytes.subarray(at, ipAt));
    frame.copyWithin(0, 6, 12);
    frame.set(bytes.subarray(at, at + 6), 6);
    frame.set(packet, ipAt - at);
    return frame;
  }

  pollDenial(): Denial | undefined {
    return this.#packets.pollDenial() ?? this.#denials.poll();
  }

  /** @returns what each rule has decided since the program was taken */
  counts(): ReadonlyMap<RuleNumber, RuleCounts> {
    const sums = new Map(this.#packets.counts());
    for (const [rule, more] of this.#tally.snapshot()) {
      const { packets = 0, bytes = 0, flows = 0 } = sums.get(rule) ?? {};
      sums.set(rule, {
        packets: packets + more.packets,
        bytes: bytes + more.bytes,
        flows: flows + more.flows,
      });
    }
    return sums;
  }

  handleTimeout(now: Millis): void {
    this.#packets.handleTimeout(now);
  }

  pollTimeout(): Millis | undefined {
    return this.#packets.pollTimeout();
  }

  #checkOther(header: EthernetHeader, lengthBytes: number, direction: number, packets: number): number {
    if (this.#trial !== undefined) {
      const tried = this.#ask(this.#trial, header);
      if (!tried.isAllowed) this.#note(header, this.#trial, tried, direction, packets, true);
    }
    if (this.#enforced === undefined) return VERDICT.PASS;
    const decision = this.#ask(this.#enforced, header);
    const outcome = this.#outcome;
    this.#tally.count(decision.rule, packets, lengthBytes, decision.isAllowed ? 1 : 0);
    outcome.rule = decision.rule;
    outcome.limit = decision.limit;
    outcome.qos = decision.qos;
    // There is no way round, and nothing that could tell whoever sent it.
    outcome.verdict = decision.isAllowed && decision.via.length === 0 ? VERDICT.PASS : VERDICT.DROP;
    if (outcome.verdict !== VERDICT.PASS) {
      this.#note(header, this.#enforced, decision, direction, packets, false);
    }
    return outcome.verdict;
  }

  #ask({ evaluator, network }: AskedNetwork, header: EthernetHeader): Decision {
    const { sourceHigh, sourceLow, destinationHigh, destinationLow, etherType } = header;
    const outcome = this.#outcome;
    outcome.source = this.#subjectOf(evaluator, network, sourceHigh, sourceLow);
    outcome.destination = this.#subjectOf(evaluator, network, destinationHigh, destinationLow);
    return evaluator.decideFrame(network, outcome.source, outcome.destination, etherType);
  }

  #subjectOf(evaluator: PolicyEvaluator, network: number, high: number, low: number): number {
    const address = this.#addresses.get(keyOf(high, low));
    if (address === undefined) return 0;
    return evaluator.subjectAt(network, address.bytes, 0, address.family === 4 ? 4 : 16);
  }

  /** What neighbours and groups are found by. */
  #isOfLink(etherType: number, bytes: Uint8Array, at: number, end: number): boolean {
    if (etherType === ETHER_TYPE.IPV4) {
      return at + 20 <= end && bytes[at + 9] === IGMP && (bytes[at + 16] ?? 0) >> 4 === 0x0e;
    }
    const payload = this.#payload;
    if (!payload.read(bytes, at, end - at) || payload.protocol !== IP_PROTOCOL.ICMPV6) return false;
    if (payload.isFragment || payload.at >= payload.end) return false;
    const type = bytes[payload.at] ?? 0;
    if (type >= ND_TYPE.ROUTER_SOLICITATION && type <= ND_TYPE.REDIRECT) return true;
    return bytes[at + 24] === 0xff && MLD_TYPES.includes(type);
  }

  #note(
    header: EthernetHeader,
    { evaluator }: AskedNetwork,
    { rule }: Decision,
    direction: number,
    packets: number,
    isTrial: boolean,
  ): void {
    const { network, wall } = this.#parts;
    const name = rule === NO_RULE ? "default" : evaluator.ruleNames[rule] ?? String(rule);
    this.#denials.note(header, { network, direction, rule: name, isTrial, packets, at: wall() });
  }
}

/** 48 bits are a number that is exact. */
function keyOf(high: number, low: number): number {
  return high * 0x1_0000_0000 + (low >>> 0);
}
