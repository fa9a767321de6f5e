/**
 * What a name server counts.
 * @module
 */

import { Counters } from "../base/mod.ts";
import { MESSAGE_PROBLEMS, type MessageProblem } from "./message_decoder.ts";

/** Responses by their code, and what became of those that were forwarded. */
export const DNS_OUTCOMES = [
  "noerror",
  "nxdomain",
  "formerr",
  "servfail",
  "notimp",
  "refused",
  "badvers",
  "truncated",
  "forwarded",
  "cache-hit",
  "forward-timeout",
  "forward-mismatch",
  "forward-full",
  "forward-silent",
] as const;
/** Why a query got no answer: too short to be one, a response, from a stranger, too many from one source or in all. */
export const DNS_DROPS = ["short", "response", "source", "rate", "busy", "connections", "send"] as const;

/**
 * Responses by code, what became of forwarding, and what was dropped or refused by reason. `malformed-…` names what was
 * wrong with a query, `dropped-…` what got no answer at all.
 */
export type DnsCounter =
  | typeof DNS_OUTCOMES[number]
  | `malformed-${MessageProblem}`
  | `dropped-${typeof DNS_DROPS[number]}`;

/** Every counter, in the order in which they are shown. */
export const DNS_COUNTERS: readonly DnsCounter[] = [
  ...DNS_OUTCOMES,
  ...MESSAGE_PROBLEMS.map((problem) => `malformed-${problem}` as const),
  ...DNS_DROPS.map((drop) => `dropped-${drop}` as const),
];

/** @returns counters that are all zero */
export function dnsCounters(): Counters<DnsCounter> {
  return new Counters(DNS_COUNTERS);
}
