/**
 * Names of nodes and labels on them.
 * @module
 */

/** The longest DNS label, in characters (RFC 1035 §2.3.4). */
export const MAX_NAME_LENGTH = 63;
/** How many labels one member may have. */
export const MAX_LABELS = 32;
/** How many characters all keys and values may have together, so that a record always has room for them. */
export const MAX_LABELS_LENGTH = 2048;

const LABEL_KEY = /^[A-Za-z0-9]([A-Za-z0-9._/-]{0,61}[A-Za-z0-9])?$/;
const LABEL_VALUE = /^[A-Za-z0-9._/-]{0,63}$/;

/** Whether `text` is a lower-case DNS label of letters, digits and inner hyphens (RFC 1123 §2.1). */
export function isNodeName(text: string): boolean {
  return text.length <= MAX_NAME_LENGTH && /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(text);
}

/**
 * @param hostname what a machine calls itself, with or without a domain
 * @returns the nearest node name; `node` when nothing of it can be kept
 */
export function toNodeName(hostname: string): string {
  const [first = ""] = hostname.slice(0, 255).toLowerCase().split(".");
  const name = first.replace(/[^a-z0-9-]+/g, "-").slice(0, MAX_NAME_LENGTH).replace(/^-+|-+$/g, "");
  return name === "" ? "node" : name;
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

/**
 * @param wanted what a machine asks for
 * @param given what its token says, which overrides
 * @returns both, or `given` alone when they are too many together
 */
export function mergeLabels(
  wanted: Readonly<Record<string, string>>,
  given: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const both = { ...wanted, ...given };
  return areLabels(both) ? both : given;
}

/** @returns the labels with their keys in order, so that equal labels have equal encodings */
export function sortLabels(labels: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(labels).sort(([a], [b]) => a < b ? -1 : a > b ? 1 : 0));
}
