/**
 * What travels beside the parameters of a call and the data of an event, and on with whatever its handler does: metadata
 * and a trace (W3C Trace Context). All of it is the caller's word.
 * @module
 */

import type { WireReader, WireWriter } from "../../proto/mod.ts";
import { InvalidServiceError } from "../errors.ts";

/** Texts by name that travel with a call or event. */
export type Metadata = Readonly<Record<string, string>>;

/** What travels along. */
export interface PropagatedContext {
  /** At most 32, of 4 KiB together. */
  readonly metadata: Metadata;
  /** As Trace Context §3.2 writes it; empty for none. */
  readonly traceparent: string;
  /** As Trace Context §3.3 writes it; empty for none. */
  readonly tracestate: string;
  /** `service/action` of the handler that calls; empty for none. */
  readonly callerPath: string;
  /** The id of the node where all this began; empty when that is the one that calls. */
  readonly origin: string;
}

/** The most entries of metadata. */
export const MAX_METADATA_ENTRIES = 32;
/** The most bytes of metadata in UTF-8, names included. */
export const MAX_METADATA_BYTES = 4_096;
/** The most characters of `tracestate`: so many are to be passed on at least (Trace Context §3.3.1.5). */
export const MAX_TRACESTATE = 512;
const MAX_PATH_BYTES = 1_024;
const MAX_ORIGIN_BYTES = 128;
/** Names of metadata; none begins with `_`, so none is `__proto__`. */
const METADATA_NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;
/** Trace Context §3.2.2: version 00, and what later versions begin with. */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.{0,64})?$/;

/** No metadata. */
export const NO_METADATA: Metadata = Object.freeze({});
const encoder = new TextEncoder();

/** Whether a text is a `traceparent`. */
export function isTraceparent(text: string): boolean {
  return TRACEPARENT.test(text) && (text.length === 55 || !text.startsWith("00"));
}

/**
 * @param parent what the handler was given that calls or publishes; its metadata go along beneath the ones that are said
 * @returns what travels along; undefined for nothing
 * @throws InvalidServiceError when it may not travel
 */
export function contextOf(
  { metadata, traceparent, tracestate }: {
    readonly metadata?: Metadata;
    readonly traceparent?: string;
    readonly tracestate?: string;
  },
  parent?: PropagatedContext,
): PropagatedContext | undefined {
  if (metadata === undefined && traceparent === undefined && parent === undefined) return undefined;
  const trace = traceparent === undefined
    ? { traceparent: parent?.traceparent ?? "", tracestate: parent?.tracestate ?? "" }
    : { traceparent, tracestate: tracestate ?? "" };
  if (traceparent !== undefined && !isTraceparent(traceparent)) {
    refuse(`${JSON.stringify(traceparent)} is no traceparent`, "Write 00-…-…-01, as W3C Trace Context does.");
  }
  if (trace.tracestate.length > MAX_TRACESTATE) {
    refuse(`a tracestate has at most ${MAX_TRACESTATE} characters`);
  }
  const all = metadata === undefined ? parent?.metadata ?? NO_METADATA : joined(parent?.metadata, metadata);
  return { metadata: all, ...trace, callerPath: parent?.callerPath ?? "", origin: parent?.origin ?? "" };
}

function joined(inherited: Metadata | undefined, said: Metadata): Metadata {
  const all = { ...inherited, ...said };
  const entries = Object.entries(all);
  if (entries.length > MAX_METADATA_ENTRIES) {
    refuse(`there are ${entries.length} entries, and ${MAX_METADATA_ENTRIES} may travel`);
  }
  let bytes = 0;
  for (const [name, value] of entries) {
    if (!METADATA_NAME.test(name)) {
      refuse(
        `${JSON.stringify(name)} is no name`,
        "Names are 1 to 64 letters, digits, and any of _ . - behind the first.",
      );
    }
    if (typeof value !== "string") refuse(`${name} is no text`, "Say it as text, such as by JSON.stringify.");
    bytes += encoder.encode(name).length + encoder.encode(value).length;
  }
  if (bytes > MAX_METADATA_BYTES) {
    refuse(
      `they have ${bytes} bytes, and ${MAX_METADATA_BYTES} may travel`,
      "Put what is long into parameters.",
    );
  }
  return Object.freeze(all);
}

function refuse(problem: string, hint?: string): never {
  throw new InvalidServiceError(
    `Cannot send metadata: ${problem}`,
    hint === undefined ? {} : { hint },
  );
}

/** @returns how much memory it takes about */
export function memoryOfContext(context: PropagatedContext | undefined): number {
  if (context === undefined) return 0;
  let characters = context.tracestate.length;
  for (const name of Object.keys(context.metadata)) {
    characters += name.length + (context.metadata[name]?.length ?? 0);
  }
  return 256 + 2 * characters;
}

/** Writes what travels along as a field. */
export function writeContext(writer: WireWriter, field: number, context: PropagatedContext): void {
  const before = writer.length;
  writer.string(5, context.origin);
  writer.string(4, context.callerPath);
  writer.string(3, context.tracestate);
  writer.string(2, context.traceparent);
  const { metadata } = context;
  for (const name of Object.keys(metadata).reverse()) {
    const entry = writer.length;
    writer.string(2, metadata[name] ?? "");
    writer.string(1, name);
    writer.message(1, entry);
  }
  writer.message(field, before);
}

/**
 * Reads what travels along, in the field that `outer` stands at.
 * @returns undefined when it is over a bound, or has a name that nobody may send; a trace that can't be read is left out
 */
export function readContext(outer: WireReader): PropagatedContext | undefined {
  const reader = outer.message();
  let metadata: Record<string, string> | undefined;
  let traceparent = "", tracestate = "", callerPath = "", origin = "";
  let entries = 0, bytes = 0;
  let isGood = true;
  for (let field = reader.field(); field !== 0; field = reader.field()) {
    if (field === 1) {
      const entry = reader.message();
      let name = "", value = "";
      for (let inner = entry.field(); inner !== 0; inner = entry.field()) {
        if (inner === 1) name = entry.string(64);
        else if (inner === 2) value = entry.string(MAX_METADATA_BYTES);
        else entry.skip();
      }
      reader.join(entry);
      bytes += name.length + value.length;
      if (++entries > MAX_METADATA_ENTRIES || bytes > MAX_METADATA_BYTES || !METADATA_NAME.test(name)) {
        isGood = false;
      } else (metadata ??= {})[name] = value;
    } else if (field === 2) traceparent = reader.string(256);
    else if (field === 3) tracestate = reader.string(MAX_TRACESTATE);
    else if (field === 4) callerPath = reader.string(MAX_PATH_BYTES);
    else if (field === 5) origin = reader.string(MAX_ORIGIN_BYTES);
    else reader.skip();
  }
  outer.join(reader);
  if (!isGood) return undefined;
  // Trace Context §4.3: without a traceparent that can be read, tracestate means nothing.
  if (!isTraceparent(traceparent)) traceparent = tracestate = "";
  return {
    metadata: metadata === undefined ? NO_METADATA : Object.freeze(metadata),
    traceparent,
    tracestate,
    callerPath,
    origin,
  };
}
