/**
 * What a packet plane asks of each packet. Sans-IO; one guard for each network of a host (the mesh, each overlay network that
 * has a policy), in the thread that carries the packets.
 * @module
 */

import type { Millis } from "../../base/mod.ts";
import type { PolicyEvaluator, RuleNumber, SubjectNumber } from "../evaluate/mod.ts";

/** Where a packet is on its way: `out` to others, from this host; `in` from others, to this host; `through` a hub or gateway that passes it on. */
export const DIRECTION = { OUT: 0, IN: 1, THROUGH: 2 } as const;

/** What becomes of a packet. */
export const VERDICT = {
  PASS: 0,
  DROP: 1,
  /** It is dropped, and `answer` says what its sender is told. */
  REJECT: 2,
  /** It passes by `via`, whose host is to take it. */
  REDIRECT: 3,
} as const;

/** What a guard has decided of the packet that it was last asked about; read at once, since the next question changes it. */
export interface GuardOutcome {
  /** One of `VERDICT`. */
  verdict: number;
  /** The rule, or `NO_RULE`. */
  rule: RuleNumber;
  /** By whom it goes; 0 for the straight way. */
  via: SubjectNumber;
  /** The rules that shape it, or `NO_RULE`. */
  limit: RuleNumber;
  qos: RuleNumber;
  /** Who it is from and for, in the program; set where something shapes it. */
  source: SubjectNumber;
  destination: SubjectNumber;
  /** Whether it goes back to whoever began its flow: limits are of the beginner, in each direction. */
  isReply: boolean;
}

/** One denial, as the log shows it; equal ones are counted together. Plain data, since it may come from another thread. */
export interface Denial {
  /** Of the wall clock, when it first happened. */
  readonly at: number;
  /** `mesh`, or an overlay network's name. */
  readonly network: string;
  /** Where on its way it was. */
  readonly direction: "out" | "in" | "through";
  /** Addresses as text; for calls and events members' names. */
  readonly source: string;
  /** Likewise. */
  readonly destination: string;
  /** `tcp`, `udp`, `icmp`, a number, `call`, `event`, `ethertype:0x…`. */
  readonly protocol: string;
  /** 0 where the protocol has none. */
  readonly sourcePort: number;
  /** Likewise. */
  readonly destinationPort: number;
  /** Of calls and events. */
  readonly path?: string;
  /** The rule's name, `web-tier#3`; `default` where none matched; or why the packet was of no flow: `fragment`, `malformed`, `table-full`. */
  readonly rule: string;
  /** Whether it was a trial (`--dry-run`), and passed. */
  readonly isTrial: boolean;
  /** How many there were. */
  readonly count: number;
}

/** What a rule has decided, by its number. */
export interface RuleCounts {
  readonly packets: number;
  readonly bytes: number;
  /** New flows, or calls, or events. */
  readonly flows: number;
}

/** Bounds of one guard. */
export interface GuardLimits {
  /** Flows that are remembered, of all members together: 1,048,576 unless given. */
  readonly maxFlows?: number;
  /** Of one member (the one that is not this host): 65,536 unless given. */
  readonly maxFlowsPerMember?: number;
}

/** Asks the evaluator for what is new and remembers the answer. */
export interface PacketGuard {
  /** Whether there is nothing to ask: without a policy this is all that a packet costs. */
  readonly isIdle: boolean;
  readonly outcome: GuardOutcome;
  /**
   * Takes another program, or none. Flows that it does not allow end with their next packet.
   * @param network its number in the program; undefined where no policy is of the network
   * @param trial a program whose denials are logged, and nothing more
   */
  use(evaluator: PolicyEvaluator | undefined, network: number | undefined, trial?: PolicyEvaluator): void;
  /**
   * Decides for one packet, or a superpacket of one flow, whose headers lie in `memory` from `at` on.
   * @param packets how many it will be cut into, for the counters
   * @returns one of `VERDICT`; `outcome` has the rest
   */
  check(
    now: Millis,
    memory: Uint8Array,
    at: number,
    lengthBytes: number,
    direction: number,
    packets: number,
  ): number;
  /** @returns what a rejected packet's sender is told (a TCP reset, or ICMP), or undefined; to be called before the next check */
  answer(memory: Uint8Array, at: number, lengthBytes: number): Uint8Array | undefined;
  /** @returns the next denial to be logged; bounded, equal ones together */
  pollDenial(): Denial | undefined;
  /** @returns what each rule has decided, by its number, since the program was taken */
  counts(): ReadonlyMap<RuleNumber, RuleCounts>;
  /** How many flows are remembered. */
  readonly flows: number;
  /** Bytes of memory that they take. */
  readonly memoryBytes: number;
  handleTimeout(now: Millis): void;
  pollTimeout(): Millis | undefined;
}
