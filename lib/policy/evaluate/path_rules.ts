/**
 * Rules for services and topics.
 * @module
 */

import { PROTOCOL } from "../model/mod.ts";
import { type ProgramRule, TARGET } from "../program/mod.ts";
import { matchesTopic } from "./topic_match.ts";

/** Finds rules by the paths of calls and the topics of events. */
export class PathIndex {
  readonly #rules: readonly ProgramRule[];
  /** Places of rules for calls, in order, by the service that they name. */
  readonly #services = new Map<string, number[]>();
  /** Places of rules for events, in order, by their first segment with its network; under "" those that begin with a wildcard. */
  readonly #topics = new Map<string, number[]>();

  /** @param rules those of the network */
  constructor(rules: readonly ProgramRule[]) {
    this.#rules = rules;
    for (const [place, { target, path }] of rules.entries()) {
      if (target === TARGET.SUBJECTS) continue;
      const [map, key] = target === TARGET.SERVICE
        ? [this.#services, path] as const
        : [this.#topics, /:[*{>]/.test(path) ? "" : firstSegment(path)] as const;
      const places = map.get(key);
      if (places === undefined) map.set(key, [place]);
      else places.push(place);
    }
  }

  /**
   * Finds the rules for a path.
   * @param protocol `PROTOCOL.CALL` or `PROTOCOL.EVENT`
   * @param path with its network in front
   * @returns their places, in order
   */
  find(protocol: number, path: string): readonly number[] {
    const found: number[] = [];
    if (protocol === PROTOCOL.CALL) {
      if (this.#services.size === 0) return found;
      for (let end = path.indexOf("/"); end >= 0; end = path.indexOf("/", end + 1)) {
        found.push(...this.#services.get(path.slice(0, end)) ?? []);
      }
      found.push(...this.#services.get(path) ?? []);
    } else {
      for (const key of ["", firstSegment(path)]) {
        for (const place of this.#topics.get(key) ?? []) {
          if (matchesTopic(this.#rules[place]?.path ?? "", path)) found.push(place);
        }
      }
    }
    return found.sort((a, b) => a - b);
  }
}

function firstSegment(path: string): string {
  const slash = path.indexOf("/");
  return slash < 0 ? path : path.slice(0, slash);
}
