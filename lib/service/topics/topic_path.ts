/**
 * Where requests and events go, and the patterns that subscriptions ask for:
 *
 * ```text
 *   path      network:service/segment/…        orders/created, $registry/services, shop:orders/42/paid
 *   pattern   network:part/part/…              orders/{id}/paid, orders/*, orders/>
 * ```
 *
 * @module
 */

import { WeftError } from "../../base/mod.ts";

/** The network of topics that a path or pattern belongs to when it names none. */
export const DEFAULT_TOPIC_NETWORK = "mesh";
/** The longest path or pattern in characters, its network included. */
export const MAX_TOPIC_LENGTH = 255;
/** The most segments of a path or parts of a pattern, the service included. */
export const MAX_TOPIC_SEGMENTS = 16;

const PREFIX = `${DEFAULT_TOPIC_NETWORK}:`;
const SLASH = 0x2f;
const COLON = 0x3a;
const DOT = 0x2e;
const SHOWN_CHARACTERS = 64;
const PARAMETER = /^\{([A-Za-z][A-Za-z0-9_]*)\}$/;
const NO_PARAMS: Readonly<Record<string, string>> = Object.freeze({});
// 1 for each character that a segment or a network may hold: [A-Za-z0-9_.$-]
const IS_NAME_CHARACTER = Uint8Array.from(
  { length: 128 },
  (_, code) => /[A-Za-z0-9_.$-]/.test(String.fromCharCode(code)) ? 1 : 0,
);

/** A text that is no topic path, or no pattern; the message says why. */
export class InvalidTopicError extends WeftError {
  /** The failure's stable name, for programs. */
  readonly code = "InvalidTopic";
}

/**
 * The path of an action, an event or a service: a network and at least one segment, the first of which is the service.
 * Immutable. Two paths are the same when their texts are.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { TopicPath } from "./topic_path.ts";
 * const path = TopicPath.parse("shop:orders/created");
 * assert.equal(path.network, "shop");
 * assert.equal(path.service, "orders");
 * assert.deepEqual(path.segments, ["orders", "created"]);
 * assert.equal(path.toString(), "shop:orders/created");
 * ```
 */
export class TopicPath {
  /** The network it belongs to. */
  readonly network: string;
  /** 1 to 16 segments, the service first. */
  readonly segments: readonly string[];
  readonly #text: string;

  private constructor(network: string, segments: readonly string[], text: string) {
    this.network = network;
    this.segments = segments;
    this.#text = text;
  }

  /** Reads a path that this program wrote. @throws InvalidTopicError */
  static parse(text: string): TopicPath {
    return TopicPath.tryParse(text) ?? fail("path", text, whyNoPath(text));
  }

  /**
   * Reads a path that somebody else wrote: never throws, and makes no error that nobody reads.
   * @returns undefined when `text` is no path
   */
  static tryParse(text: string): TopicPath | undefined {
    const length = text.length;
    if (length > MAX_TOPIC_LENGTH) return undefined;
    const segments: string[] = [];
    let network: string | undefined;
    let start = 0;
    for (let at = 0; at < length; at++) {
      const code = text.charCodeAt(at);
      if (IS_NAME_CHARACTER[code] === 1) continue;
      if (at === start || isDots(text, start, at)) return undefined;
      if (code === SLASH) segments.push(text.slice(start, at));
      else if (code === COLON && start === 0) network = text.slice(0, at);
      else return undefined;
      start = at + 1;
    }
    if (start === length || isDots(text, start, length)) return undefined;
    if (segments.push(text.slice(start)) > MAX_TOPIC_SEGMENTS) return undefined;
    if (network !== undefined) return new TopicPath(network, segments, text);
    if (length + PREFIX.length > MAX_TOPIC_LENGTH) return undefined;
    return new TopicPath(DEFAULT_TOPIC_NETWORK, segments, PREFIX + text);
  }

  /** The first segment. */
  get service(): string {
    return this.segments[0] ?? "";
  }

  /** The path as text. @returns the path with its network, at most 255 characters */
  toString(): string {
    return this.#text;
  }
}

/** What a pattern wants of one segment; `rest` of one or more, and it is the last. */
export type PatternPart =
  | { readonly kind: "literal"; readonly text: string }
  | { readonly kind: "parameter"; readonly name: string }
  | { readonly kind: "one" }
  | { readonly kind: "rest" };

/**
 * A pattern of paths within one network: a segment itself, `{name}` for one segment that is captured, `*` for one
 * segment, `>` for one or more at the end. Wildcards match services that begin with `$`, too. Immutable.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { TopicPath, TopicPattern } from "./topic_path.ts";
 * const pattern = TopicPattern.parse("orders/{id}/paid");
 * assert.deepEqual(pattern.match(TopicPath.parse("orders/42/paid")), { id: "42" });
 * assert.equal(pattern.match(TopicPath.parse("other:orders/42/paid")), undefined);
 * ```
 */
export class TopicPattern {
  /** The network that its paths belong to. */
  readonly network: string;
  /** 1 to 16 parts; the first is of the service. */
  readonly parts: readonly PatternPart[];
  /** Whether a match captures anything. */
  readonly hasParameters: boolean;

  private constructor(network: string, parts: readonly PatternPart[]) {
    this.network = network;
    this.parts = parts;
    this.hasParameters = parts.some((part) => part.kind === "parameter");
  }

  /** Reads a pattern that this program wrote. @throws InvalidTopicError */
  static parse(text: string): TopicPattern {
    const read = readPattern(text);
    return typeof read === "string"
      ? fail("pattern", text, read)
      : new TopicPattern(read.network, read.parts);
  }

  /** Reads a pattern that somebody else wrote: never throws. @returns undefined when `text` is no pattern */
  static tryParse(text: string): TopicPattern | undefined {
    const read = readPattern(text);
    return typeof read === "string" ? undefined : new TopicPattern(read.network, read.parts);
  }

  /** The pattern as it is told to others. @returns the pattern that matches the same paths and captures nothing */
  anonymous(): TopicPattern {
    if (!this.hasParameters) return this;
    return new TopicPattern(
      this.network,
      this.parts.map((part) => part.kind === "parameter" ? { kind: "one" } as const : part),
    );
  }

  /**
   * Compares with another pattern.
   * @returns whether this one matches whatever that one does
   */
  covers(other: TopicPattern): boolean {
    return other.network === this.network && coversParts(this.parts, other.parts);
  }

  /**
   * Compares with a topic.
   * @returns what the parameters of the pattern stand for in `path`, or undefined when it does not match
   */
  match(path: TopicPath): Readonly<Record<string, string>> | undefined {
    const { parts } = this;
    const { segments } = path;
    if (path.network !== this.network) return undefined;
    for (let i = 0; i < parts.length; i++) {
      const part = parts[i];
      const segment = segments[i];
      if (part === undefined || segment === undefined) return undefined;
      if (part.kind === "rest") return this.capture(path);
      if (part.kind === "literal" && part.text !== segment) return undefined;
    }
    return segments.length === parts.length ? this.capture(path) : undefined;
  }

  /**
   * Reads what the names of the pattern stand for.
   * @returns what the parameters stand for in a path that is known to match
   */
  capture(path: TopicPath): Readonly<Record<string, string>> {
    if (!this.hasParameters) return NO_PARAMS;
    const params: Record<string, string> = {};
    for (const [i, part] of this.parts.entries()) {
      if (part.kind === "parameter") params[part.name] = path.segments[i] ?? "";
    }
    return params;
  }

  /** The pattern as text. @returns the pattern with its network, at most 255 characters */
  toString(): string {
    return `${this.network}:${this.parts.map(partText).join("/")}`;
  }
}

/** @returns whether whatever the parts of `asked` match, those of `parts` match, too; `rest` covers one or more */
export function coversParts(parts: readonly PatternPart[], asked: readonly PatternPart[]): boolean {
  for (const [i, part] of parts.entries()) {
    const wanted = asked[i];
    if (wanted === undefined) return false;
    if (part.kind === "rest") return true;
    if (wanted.kind === "rest") return false;
    if (part.kind === "literal" && !(wanted.kind === "literal" && wanted.text === part.text)) return false;
  }
  return asked.length === parts.length;
}

/**
 * @param path of a service or an action, with its network or as people write it
 * @returns whether every node has that service for itself, which is called `$…`
 */
export function isBuiltIn(path: string): boolean {
  return path.startsWith("$") || path.includes(":$");
}

/** @returns a path or pattern as people write it: without its network when that is the default one */
export function showPath(path: { toString(): string }): string {
  const text = path.toString();
  return text.startsWith(PREFIX) ? text.slice(PREFIX.length) : text;
}

function isName(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (IS_NAME_CHARACTER[text.charCodeAt(at)] !== 1) return false;
  return text.length > 0 && !isDots(text, 0, text.length);
}

/** Whether it is `.` or `..` from `start` to `end`: what file systems and URLs take for a place (RFC 3986 §3.3) is no name. */
function isDots(text: string, start: number, end: number): boolean {
  return end - start <= 2 && text.charCodeAt(start) === DOT && text.charCodeAt(end - 1) === DOT;
}

function readPattern(
  text: string,
): string | { readonly network: string; readonly parts: readonly PatternPart[] } {
  if (text.length > MAX_TOPIC_LENGTH) return whyTooLong();
  const { network, texts } = split(text);
  const outer = whyNoFrame(network, texts);
  if (outer !== undefined) return outer;
  const parts: PatternPart[] = [];
  const names = new Set<string>();
  for (const [i, partText] of texts.entries()) {
    const part = readPart(partText);
    if (part === undefined) return whyNoSegment(partText);
    if (part.kind === "rest" && i < texts.length - 1) return `">" stands before its end`;
    if (part.kind === "parameter") {
      if (names.has(part.name)) return `it has two parameters {${part.name}}`;
      names.add(part.name);
    }
    parts.push(part);
  }
  return { network, parts };
}

function readPart(text: string): PatternPart | undefined {
  if (text === "*") return { kind: "one" };
  if (text === ">") return { kind: "rest" };
  if (isName(text)) return { kind: "literal", text };
  const name = PARAMETER.exec(text)?.[1];
  return name === undefined ? undefined : { kind: "parameter", name };
}

function partText(part: PatternPart): string {
  switch (part.kind) {
    case "literal":
      return part.text;
    case "parameter":
      return `{${part.name}}`;
    case "one":
      return "*";
    case "rest":
      return ">";
  }
}

function split(text: string): { network: string; texts: readonly string[] } {
  const colon = text.indexOf(":");
  const network = colon < 0 ? DEFAULT_TOPIC_NETWORK : text.slice(0, colon);
  return { network, texts: text.slice(colon + 1).split("/") };
}

function whyNoPath(text: string): string {
  if (text.length > MAX_TOPIC_LENGTH) return whyTooLong();
  const { network, texts } = split(text);
  const wrong = texts.find((segment) => !isName(segment));
  return whyNoFrame(network, texts) ?? whyNoSegment(wrong ?? "");
}

/** @returns what is wrong around the segments, if anything is */
function whyNoFrame(network: string, texts: readonly string[]): string | undefined {
  if (network === "") return "its network is empty";
  if (!isName(network)) return `${quoted(network)} is no name of a network`;
  if (texts.length > MAX_TOPIC_SEGMENTS) {
    return `it has ${texts.length} segments and may have ${MAX_TOPIC_SEGMENTS}`;
  }
  const length = network.length + texts.reduce((sum, segment) => sum + 1 + segment.length, 0);
  return length > MAX_TOPIC_LENGTH ? whyTooLong() : undefined;
}

function whyTooLong(): string {
  return `it is longer than ${MAX_TOPIC_LENGTH} characters`;
}

function whyNoSegment(segment: string): string {
  return segment === "" ? "a segment is empty" : `${quoted(segment)} is no segment`;
}

function fail(what: "path" | "pattern", text: string, reason: string): never {
  const wildcards = what === "pattern" ? ", {name}, * and, at the end, >" : "";
  throw new InvalidTopicError(`Cannot read ${quoted(text)} as a topic ${what}: ${reason}`, {
    hint:
      `Write network:service/segment or service/segment; segments are letters, digits, _ . $ -${wildcards}.`,
  });
}

function quoted(text: string): string {
  return JSON.stringify(text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text);
}
