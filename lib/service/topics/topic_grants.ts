/**
 * What a grant of topics covers.
 * @module
 */

import { coversParts, type PatternPart, type TopicPath, TopicPattern } from "./topic_path.ts";

/** A grant that begins so is good in every network of topics. */
const ANY_NETWORK = "*:";

/** One pattern of a grant, taken apart. */
export interface TopicGrant {
  /** Undefined for every network of topics. */
  readonly network: string | undefined;
  readonly parts: readonly PatternPart[];
}

/** @param text a pattern, with `*:` before it when it is good in every network of topics @returns nothing when it is none */
export function readTopicGrant(text: string): TopicGrant[] {
  const isAny = text.startsWith(ANY_NETWORK);
  const pattern = TopicPattern.tryParse(isAny ? text.slice(ANY_NETWORK.length) : text);
  if (pattern === undefined) return [];
  return [{ network: isAny ? undefined : pattern.network, parts: pattern.parts }];
}

/** @returns all that is below what a grant covers */
export function belowGrant({ network, parts }: TopicGrant): TopicGrant {
  return parts.at(-1)?.kind === "rest"
    ? { network, parts }
    : { network, parts: [...parts, { kind: "rest" }] };
}

/** Whether a topic is covered. Asked for each event, so it makes nothing. */
export function grantsTopic(granted: readonly TopicGrant[], { network, segments }: TopicPath): boolean {
  for (const grant of granted) {
    if ((grant.network ?? network) === network && matchesParts(grant.parts, segments)) return true;
  }
  return false;
}

function matchesParts(parts: readonly PatternPart[], segments: readonly string[]): boolean {
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i];
    const segment = segments[i];
    if (part === undefined || segment === undefined) return false;
    if (part.kind === "rest") return true;
    if (part.kind === "literal" && part.text !== segment) return false;
  }
  return parts.length === segments.length;
}

/** Whether everything that a pattern matches is covered by one of these. */
export function grantsPattern(granted: readonly TopicGrant[], { network, parts }: TopicPattern): boolean {
  return granted.some((grant) => (grant.network ?? network) === network && coversParts(grant.parts, parts));
}
