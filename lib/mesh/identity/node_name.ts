/**
 * Names of nodes and labels on them.
 * @module
 */

import {
  LABEL_KEY,
  LABEL_VALUE,
  MAX_LABELS,
  MAX_LABELS_LENGTH,
  MAX_NAME_LENGTH,
  NODE_NAME,
  NUMBER_LABEL,
  RESERVED_LABEL,
} from "../bounds.ts";
import { parseNodeId } from "./identity.ts";

/** Whether `text` is a lower-case DNS label of letters, digits and inner hyphens (RFC 1123 §2.1). */
export function isNodeName(text: string): boolean {
  return NODE_NAME.test(text);
}

/** Whether `label`, in lower case, means something else than a member: `leader`, `node-1-100`, `localhost`, `_tcp`, `10`. */
export function isReservedName(label: string): boolean {
  return RESERVED_LABEL.test(label) || isNumberName(label);
}

/** Whether programs take `label` for an IPv4 address; members of 0.1.0 may be called so, until their records are renewed. */
export function isNumberName(label: string): boolean {
  return NUMBER_LABEL.test(label);
}

/**
 * @param hostname what a machine calls itself, with or without a domain
 * @returns the nearest node name: `host-leader` for one that is reserved, `node` when nothing of it can be kept, or when
 * it reads as a node id
 */
export function toNodeName(hostname: string): string {
  const [first = ""] = hostname.slice(0, 255).toLowerCase().split(".");
  const name = first.replace(/[^a-z0-9-]+/g, "-").slice(0, MAX_NAME_LENGTH).replace(/^-+|-+$/g, "");
  if (name === "" || parseNodeId(name) !== undefined) return "node";
  return isReservedName(name) ? `host-${name}`.slice(0, MAX_NAME_LENGTH).replace(/-+$/, "") : name;
}

/**
 * @param number 2 for the second node that asked for `name`
 * @returns `name-2`, cut so that it is still a node name
 */
export function numberedName(name: string, number: number): string {
  const suffix = `-${number}`;
  return name.slice(0, MAX_NAME_LENGTH - suffix.length).replace(/-+$/, "") + suffix;
}

/** Whether these are at most 32 labels whose keys and values a selector can name without quotes. */
export function areLabels(labels: Readonly<Record<string, string>>): boolean {
  const pairs = Object.entries(labels);
  return pairs.length <= MAX_LABELS && pairs.flat().join("").length <= MAX_LABELS_LENGTH &&
    pairs.every(([key, value]) => LABEL_KEY.test(key) && LABEL_VALUE.test(value));
}

/** @returns the labels with their keys in order, so that equal labels have equal encodings */
export function sortLabels(labels: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(labels).sort(([a], [b]) => a < b ? -1 : a > b ? 1 : 0));
}
