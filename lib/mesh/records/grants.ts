/**
 * What the network lets a member do: the paths it may offer services at, the topics it may publish and hear, the names it
 * may add. A leader writes it into the member's record, or into the token that the member joins with.
 * @module
 */

import {
  decodeMessage,
  DefaultGrantsSchema,
  encodeMessage,
  type GrantsSchema,
  type MessageFields,
} from "../../proto/mod.ts";
import { MAX_CLAIMS, MAX_GRANTS, MAX_GRANTS_LENGTH, NAME_GRANT, TOPIC_GRANT } from "../bounds.ts";
import { MAX_ENTRY_BODY_BYTES } from "./state_entry.ts";

/** The kinds of grants that leaders give; `TOPIC_GRANT` and `NAME_GRANT` say how they are written. */
export const GRANT_KINDS = ["offer", "publish", "subscribe", "names"] as const;

/** One of `GRANT_KINDS`. */
export type GrantKind = typeof GRANT_KINDS[number];

/** What leaders give: at most 32 patterns of each kind. */
export type GivenGrants = { readonly [Kind in GrantKind]: readonly string[] };

/** What one member may do beside what all may; 1,024 characters in all. */
export interface Grants extends GivenGrants {
  /** Service paths that the member was the first to ask for, at most 16. */
  readonly claimed: readonly string[];
}

/** What every member may do. */
export interface DefaultGrants extends GivenGrants {
  /** Whether who is the first to ask for a service path gets it. */
  readonly claims: boolean;
}

/** Nothing beside what all may do. */
export const NO_GRANTS: Grants = { offer: [], publish: [], subscribe: [], names: [], claimed: [] };

/** What all may do until a leader says otherwise: publish and hear everything that is nobody's own, and claim paths. */
export const USUAL_GRANTS: DefaultGrants = {
  offer: [],
  publish: ["*:>"],
  subscribe: ["*:>"],
  names: [],
  claims: true,
};

/** The key of the entry with which leaders say what all may do. */
export const DEFAULT_GRANTS_KEY = "default";
/** The kind of that entry. */
export const GRANT_ENTRY_KIND = "grant";

/** Whether these are within the bounds of what a record holds. */
export function areGrants(grants: Grants): boolean {
  const { offer, publish, subscribe, names, claimed } = grants;
  const topics = [...offer, ...publish, ...subscribe, ...claimed];
  return [offer, publish, subscribe, names].every(({ length }) => length <= MAX_GRANTS) &&
    claimed.length <= MAX_CLAIMS && topics.every((text) => TOPIC_GRANT.test(text)) &&
    names.every((text) => NAME_GRANT.test(text)) &&
    [...topics, ...names].join("").length <= MAX_GRANTS_LENGTH;
}

/** @returns both, each pattern once and sorted, so that equal grants have equal encodings */
export function addGrants(grants: Grants, more: Partial<Grants>): Grants {
  return mapGrants((kind) => [...grants[kind], ...more[kind] ?? []]);
}

/** @returns the first without what the second has */
export function removeGrants(grants: Grants, less: Partial<Grants>): Grants {
  return mapGrants((kind) => grants[kind].filter((text) => !less[kind]?.includes(text)));
}

function mapGrants(patterns: (kind: keyof Grants) => readonly string[]): Grants {
  const of = (kind: keyof Grants) => [...new Set(patterns(kind))].sort();
  return {
    offer: of("offer"),
    publish: of("publish"),
    subscribe: of("subscribe"),
    names: of("names"),
    claimed: of("claimed"),
  };
}

/** @returns the fields of the message */
export function grantsToWire(grants: Grants): MessageFields<typeof GrantsSchema> {
  const { offer, publish, subscribe, names, claimed } = grants;
  return {
    offer: [...offer],
    publish: [...publish],
    subscribe: [...subscribe],
    names: [...names],
    claimed: [...claimed],
  };
}

/** @returns the grants, or undefined when they are out of bounds */
export function readGrants(wire: Grants): Grants | undefined {
  const { offer, publish, subscribe, names, claimed } = wire;
  // Most members have none; they share these.
  if (offer.length + publish.length + subscribe.length + names.length + claimed.length === 0) {
    return NO_GRANTS;
  }
  const grants = { offer, publish, subscribe, names, claimed };
  return areGrants(grants) ? grants : undefined;
}

/** @returns the body of the entry `grant/default` */
export function encodeDefaultGrants({ claims, ...given }: DefaultGrants): Uint8Array {
  return encodeMessage(DefaultGrantsSchema, {
    grants: grantsToWire({ ...given, claimed: [] }),
    noClaims: !claims,
  });
}

/** @returns what all may do, or undefined when the body is malformed */
export function decodeDefaultGrants(body: Uint8Array): DefaultGrants | undefined {
  const message = decodeMessage(DefaultGrantsSchema, body, MAX_ENTRY_BODY_BYTES);
  const grants = message?.grants && readGrants(message.grants);
  if (message === undefined || grants === undefined) return undefined;
  const { claimed: _, ...given } = grants;
  return { ...given, claims: !message.noClaims };
}
