/**
 * Which of many patterns a path matches, by walking the path once.
 * @module
 */

import type { PatternPart, TopicPath, TopicPattern } from "./topic_path.ts";

/** A value whose pattern a path matched, and what the pattern's parameters stand for. */
export interface TopicMatch<T> {
  readonly value: T;
  readonly params: Readonly<Record<string, string>>;
}

interface Entry<T> {
  readonly order: number;
  readonly pattern: TopicPattern;
  readonly value: T;
}

interface Node<T> {
  readonly literals: Map<string, Node<T>>;
  /** Below any one segment: `*` and parameters, whatever their names. */
  any: Node<T> | undefined;
  /** Whose pattern ends here. */
  readonly ending: Set<Entry<T>>;
  /** Whose pattern goes on with `>`. */
  readonly rest: Set<Entry<T>>;
}

/**
 * Values by pattern. A pattern may be added any number of times; each is an entry of its own. A look-up visits at most
 * the nodes that the path can reach, two for each segment at every node visited, however many patterns there are.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { TopicPath, TopicPattern } from "./topic_path.ts";
 * import { TopicTrie } from "./topic_trie.ts";
 * const trie = new TopicTrie<string>();
 * const remove = trie.add(TopicPattern.parse("orders/{id}"), "first");
 * const path = TopicPath.parse("orders/42");
 * assert.deepEqual(trie.match(path), [{ value: "first", params: { id: "42" } }]);
 * remove();
 * assert.deepEqual(trie.match(path), []);
 * ```
 */
export class TopicTrie<T> {
  readonly #networks = new Map<string, Node<T>>();
  readonly #entries = new Set<Entry<T>>();
  #added = 0;
  /** The last path that was looked up: events of one topic come one behind the other. */
  #last: TopicPath | undefined;
  #lastFound: readonly Entry<T>[] = [];
  #lastValues: readonly T[] | undefined;

  /** @returns the value of each entry, in order of addition */
  values(): readonly T[] {
    return Array.from(this.#entries, (entry) => entry.value);
  }

  /** @returns a function that removes this entry again; harmless when repeated */
  add(pattern: TopicPattern, value: T): () => void {
    const entry: Entry<T> = { order: this.#added++, pattern, value };
    const root = this.#networks.get(pattern.network) ?? newNode<T>();
    this.#networks.set(pattern.network, root);
    this.#entries.add(entry);
    this.#last = undefined;
    setOf(pattern, pattern.parts.reduce(childOrNew<T>, root)).add(entry);
    return () => this.#remove(entry);
  }

  /** @returns the entries whose pattern matches `path`, in order of addition */
  match(path: TopicPath): readonly TopicMatch<T>[] {
    const matches: TopicMatch<T>[] = [];
    for (const { pattern, value } of this.#find(path)) matches.push({ value, params: pattern.capture(path) });
    return matches;
  }

  /** @returns the values whose pattern matches `path`, in order of addition: for whoever needs no parameters */
  matchingValues(path: TopicPath): readonly T[] {
    const found = this.#find(path);
    return this.#lastValues ??= found.map(({ value }) => value);
  }

  #find(path: TopicPath): readonly Entry<T>[] {
    if (path === this.#last) return this.#lastFound;
    const found: Entry<T>[] = [];
    const root = this.#networks.get(path.network);
    if (root !== undefined) collect(root, path.segments, 0, found);
    if (found.length > 1) found.sort((a, b) => a.order - b.order);
    this.#last = path;
    this.#lastValues = undefined;
    return this.#lastFound = found;
  }

  #remove(entry: Entry<T>): void {
    if (!this.#entries.delete(entry)) return;
    this.#last = undefined;
    this.#lastFound = [];
    this.#lastValues = undefined;
    const { network, parts } = entry.pattern;
    const root = this.#networks.get(network);
    if (root !== undefined && prune(root, entry, parts, 0)) this.#networks.delete(network);
  }
}

function newNode<T>(): Node<T> {
  return { literals: new Map(), any: undefined, ending: new Set(), rest: new Set() };
}

function childOrNew<T>(node: Node<T>, part: PatternPart): Node<T> {
  if (part.kind === "rest") return node;
  if (part.kind !== "literal") return node.any ??= newNode<T>();
  const child = node.literals.get(part.text) ?? newNode<T>();
  node.literals.set(part.text, child);
  return child;
}

function setOf<T>(pattern: TopicPattern, node: Node<T>): Set<Entry<T>> {
  return pattern.parts.at(-1)?.kind === "rest" ? node.rest : node.ending;
}

function collect<T>(node: Node<T>, segments: readonly string[], at: number, found: Entry<T>[]): void {
  const segment = segments[at];
  if (segment === undefined) {
    for (const entry of node.ending) found.push(entry);
    return;
  }
  for (const entry of node.rest) found.push(entry);
  const literal = node.literals.get(segment);
  if (literal !== undefined) collect(literal, segments, at + 1, found);
  if (node.any !== undefined) collect(node.any, segments, at + 1, found);
}

/**
 * Takes the entry away, and the nodes that held nothing else.
 * @returns whether `node` is empty now
 */
function prune<T>(node: Node<T>, entry: Entry<T>, parts: readonly PatternPart[], at: number): boolean {
  const part = parts[at];
  if (part === undefined) node.ending.delete(entry);
  else if (part.kind === "rest") node.rest.delete(entry);
  else if (part.kind === "literal") {
    const child = node.literals.get(part.text);
    if (child !== undefined && prune(child, entry, parts, at + 1)) node.literals.delete(part.text);
  } else if (node.any !== undefined && prune(node.any, entry, parts, at + 1)) node.any = undefined;
  return node.literals.size + node.ending.size + node.rest.size === 0 && node.any === undefined;
}
