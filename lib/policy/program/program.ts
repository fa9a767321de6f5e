/**
 * A compiled policy, as data.
 * @module
 */

import type { Cidr } from "../../net/mod.ts";
import type { RuleType } from "../model/mod.ts";

/** What a rule is for. */
export const TARGET = { SUBJECTS: 0, SERVICE: 1, TOPIC: 2 } as const;

/** One rule; its number is its place among all of a program, which is the order in which they are asked within a network. */
export interface ProgramRule {
  /** `web-tier#3`. */
  readonly name: string;
  readonly type: RuleType;
  /** A set of the network. */
  readonly source: number;
  /** One of `TARGET`. */
  readonly target: number;
  /** A set of the network; of services those that offer one that is meant or lies around it, of topics nobody. */
  readonly destination: number;
  /** The service's path or the topic's pattern; empty for subjects. */
  readonly path: string;
  /** As `parseProtocol` says. */
  readonly protocol: number;
  /** First and last in turn, in order, none for all. */
  readonly sourcePorts: Uint16Array;
  readonly destinationPorts: Uint16Array;
  readonly isRejected: boolean;
  /** Subjects of the network, of which one is gone by. */
  readonly via: Uint32Array;
  /** The service that is called instead, or empty. */
  readonly viaService: string;
  /** Of `limit` and `qos`; 0 for no bound. */
  readonly bytesPerSecond: number;
  readonly itemsPerSecond: number;
  readonly burst: number;
  /** 0 to 63, or 255 for none. */
  readonly dscp: number;
}

/** A prefix of addresses and whose they are. */
export interface ProgramPrefix {
  readonly block: Cidr;
  readonly subject: number;
}

/** A set of classes: those that are listed, or all others. */
export interface ProgramSet {
  readonly isInverted: boolean;
  /** In order. */
  readonly listed: Uint32Array;
}

/** Whether a class is in a set. */
export function isInSet({ isInverted, listed }: ProgramSet, classNumber: number): boolean {
  let [low, high] = [0, listed.length - 1];
  while (low <= high) {
    const middle = (low + high) >>> 1;
    const found = listed[middle] ?? 0;
    if (found === classNumber) return !isInverted;
    if (found < classNumber) low = middle + 1;
    else high = middle - 1;
  }
  return isInverted;
}

/** @returns the classes in a set, in order */
export function classesIn({ isInverted, listed }: ProgramSet, classCount: number): Uint32Array {
  if (!isInverted) return listed;
  const others = new Uint32Array(classCount - listed.length);
  let [taken, next] = [0, 0];
  for (let i = 0; i < classCount; i++) {
    if (listed[next] === i) next++;
    else others[taken++] = i;
  }
  return others;
}

/** The rules of one network, and who is in it. Those who are in the same sets are of one class. */
export interface ProgramNetwork {
  readonly name: string;
  /** The network's rules are `firstRule` and the next ones. */
  readonly firstRule: number;
  readonly ruleCount: number;
  /** Ids of subjects 1, 2, …: members or endpoints; the subjects after them are regions of addresses. */
  readonly ids: readonly string[];
  /** By subject: the member or endpoint that it belongs to, which is itself for most; 0 for nobody. */
  readonly owners: Uint32Array;
  /** By subject: its class. */
  readonly classes: Uint32Array;
  readonly classCount: number;
  readonly sets: readonly ProgramSet[];
  readonly prefixes: readonly ProgramPrefix[];
}

/** All that an evaluator needs. */
export interface Program {
  /** 16 hexadecimal digits. */
  readonly revision: string;
  readonly hidesNames: boolean;
  /** Whether what no rule allows is rejected, and not dropped. */
  readonly rejects: boolean;
  readonly rules: readonly ProgramRule[];
  readonly networks: readonly ProgramNetwork[];
}
