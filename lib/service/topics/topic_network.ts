/**
 * The network of topics that paths belong to which name none, and how paths are shown to people.
 * @module
 */

/** The network of topics of paths that name none. */
export const DEFAULT_TOPIC_NETWORK = "mesh";

const PREFIX = `${DEFAULT_TOPIC_NETWORK}:`;

/** @returns a path as people write it: without its network when that is the default one */
export function showPath(path: { toString(): string }): string {
  const text = path.toString();
  return text.startsWith(PREFIX) ? text.slice(PREFIX.length) : text;
}
