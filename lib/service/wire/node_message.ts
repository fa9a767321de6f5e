/**
 * What nodes send each other about services. It is encoded by hand: calls, answers and events are on the path of every
 * call. `proto/weft/service/v1/service.proto` draws them; the generated code is the oracle of the tests.
 * @module
 */

import type { WireFailure } from "../errors.ts";
import { Compression, Encoding, WireReader, WireWriter } from "../../proto/mod.ts";
import { type PropagatedContext, readContext, writeContext } from "./propagated_context.ts";
import { readRouting, type WireRouting, writeRouting } from "./routing.ts";
import { readFailure, writeFailure } from "./failure_codec.ts";
import { decodeAdvert, encodeAdvert, type ServiceAdvert } from "./service_advert.ts";

/** A value of a program, as it travels. */
export interface WireValue {
  readonly encoding: Encoding;
  /** Decoded: a view, valid until its handler returns. */
  readonly data: Uint8Array;
  readonly compression: Compression;
  /** So many bytes follow on the stream that the message has opened, instead of `data`; 0 for none. */
  readonly detachedBytes: number;
  /** How long compressed data become; 0 when they are not compressed, or nobody says. */
  readonly plainBytes: number;
}

/** No value at all. */
export const NO_VALUE: WireValue = {
  encoding: Encoding.UNSPECIFIED,
  data: new Uint8Array(0),
  compression: Compression.UNSPECIFIED,
  detachedBytes: 0,
  plainBytes: 0,
};

/** A call. */
export interface RequestMessage {
  readonly kind: "request";
  readonly number: number;
  readonly callerRun: number;
  /** 0 for any. */
  readonly providerRun: number;
  readonly path: string;
  readonly params: WireValue;
  readonly timeoutMs: number;
  readonly streamsParams: boolean;
  readonly routing: WireRouting | undefined;
  /** For a program that is attached: who calls; empty for its agent. */
  readonly caller: string;
  /** What travels along; undefined for nothing. */
  readonly context?: PropagatedContext | undefined;
}

/** An answer: a result unless there is a failure. */
export interface ResponseMessage {
  readonly kind: "response";
  readonly number: number;
  readonly callerRun: number;
  readonly result: WireValue;
  readonly failure: WireFailure | undefined;
  readonly streamsResult: boolean;
}

/** Something that was published. */
export interface EventMessage {
  readonly kind: "event";
  readonly topic: string;
  readonly data: WireValue;
  /** Milliseconds since 1970. */
  readonly publishedAt: number;
  /** Whose subscribers it is for; everybody's when empty. */
  readonly groups: readonly string[];
  readonly past: boolean;
  /** From a program to its agent: to be kept. */
  readonly retain: boolean;
  /** From a program to its agent: on how many other nodes it is to be kept, too. */
  readonly replicas?: number;
  /** What travels along; undefined for nothing. */
  readonly context?: PropagatedContext | undefined;
}

/** Everything that nodes say to each other about services. */
export type NodeMessage =
  | RequestMessage
  | ResponseMessage
  | EventMessage
  | { readonly kind: "discovery"; readonly advert: ServiceAdvert }
  | { readonly kind: "heartbeat"; readonly run: number }
  | { readonly kind: "cancel"; readonly number: number; readonly callerRun: number }
  | { readonly kind: "leadership"; readonly paths: readonly string[] };

const NO_GROUPS: readonly string[] = [];
const MAX_GROUPS = 256;
/** A program has so many services at most. */
const MAX_LED = 512;
const MAX_GROUP_TEXT = 4_096;
/** The longest path, topic, mode or name, in bytes: three for a character. */
const MAX_NAME_BYTES = 1_024;
/** A message has so many fields at most, at all depths: an empty one costs a hundred times its bytes. */
const MAX_FIELDS = 1_024;

/** The field of each kind. */
const FIELDS: Readonly<Record<NodeMessage["kind"], number>> = {
  request: 1,
  response: 2,
  event: 3,
  discovery: 4,
  heartbeat: 5,
  cancel: 6,
  leadership: 7,
};

/** Writes messages; one for a node, since it uses its buffer again. */
export class NodeMessageEncoder {
  readonly #writer = new WireWriter();

  /** @returns a `NodeMessage`, good until the next one is encoded */
  encode(message: NodeMessage): Uint8Array {
    const writer = this.#writer;
    switch (message.kind) {
      case "request":
        writeRequest(writer, message);
        break;
      case "response":
        writeResponse(writer, message);
        break;
      case "event":
        writeEvent(writer, message);
        break;
      case "discovery":
        writeAdvert(writer, message.advert);
        break;
      case "heartbeat":
        writer.fixed64(1, message.run);
        break;
      case "cancel":
        writer.fixed64(2, message.callerRun);
        writer.uint(1, message.number);
        break;
      case "leadership":
        for (const path of message.paths.toReversed()) writer.text(1, path);
        break;
    }
    writer.message(FIELDS[message.kind], 0);
    return writer.view();
  }
}

function writeRequest(writer: WireWriter, request: RequestMessage): void {
  const { routing, context } = request;
  if (context !== undefined) writeContext(writer, 10, context);
  writer.string(9, request.caller);
  if (routing !== undefined) writeRouting(writer, 8, routing);
  writer.bool(7, request.streamsParams);
  writer.uint(6, request.timeoutMs);
  writeValue(writer, 5, request.params);
  writer.string(4, request.path);
  writer.fixed64(3, request.providerRun);
  writer.fixed64(2, request.callerRun);
  writer.uint(1, request.number);
}

function writeResponse(writer: WireWriter, response: ResponseMessage): void {
  writer.bool(5, response.streamsResult);
  if (response.failure === undefined) writeValue(writer, 3, response.result);
  else writeFailure(writer, 4, response.failure);
  writer.fixed64(2, response.callerRun);
  writer.uint(1, response.number);
}

function writeEvent(writer: WireWriter, event: EventMessage): void {
  writer.uint(8, event.replicas ?? 0);
  if (event.context !== undefined) writeContext(writer, 7, event.context);
  writer.bool(6, event.retain);
  writer.bool(5, event.past);
  for (let i = event.groups.length - 1; i >= 0; i--) writer.text(4, event.groups[i] as string);
  writer.uint(3, event.publishedAt);
  writeValue(writer, 2, event.data);
  writer.string(1, event.topic);
}

function writeAdvert(writer: WireWriter, advert: ServiceAdvert): void {
  const bytes = encodeAdvert(advert);
  writer.bytes(1, bytes);
  // One whose fields are all left out is an advert, too.
  if (bytes.length === 0) writer.message(1, writer.length);
}

/** Writes a value as a field. */
export function writeValue(writer: WireWriter, field: number, value: WireValue): void {
  const before = writer.length;
  writer.uint(5, value.plainBytes);
  writer.uint(4, value.detachedBytes);
  writer.uint(3, value.compression);
  writer.bytes(2, value.data);
  writer.uint(1, value.encoding);
  writer.message(field, before);
}

/** By the field of each kind. */
const READERS: readonly (((reader: WireReader) => NodeMessage | undefined) | undefined)[] = [
  undefined,
  readRequest,
  readResponse,
  readEvent,
  readDiscovery,
  readHeartbeat,
  readCancel,
  readLeadership,
];

/**
 * @param mayAdvertise whether it may be an advert, which a program alone sends: to read one takes long
 * @returns the message, whose bytes are views into `bytes`; undefined when it is malformed, of an unknown kind, or more
 *   than one
 */
export function decodeNodeMessage(bytes: Uint8Array, mayAdvertise = true): NodeMessage | undefined {
  const reader = new WireReader(bytes, MAX_FIELDS);
  let message: NodeMessage | undefined;
  for (let field = reader.field(); field !== 0; field = reader.field()) {
    const read = READERS[field];
    if (message !== undefined && read !== undefined) return undefined;
    if (field === FIELDS.discovery && !mayAdvertise) return undefined;
    if (read === undefined) {
      reader.skip();
      continue;
    }
    const inner = reader.message();
    message = read(inner);
    reader.join(inner);
  }
  return reader.isBroken ? undefined : message;
}

function readRequest(reader: WireReader): RequestMessage | undefined {
  let number = 0, callerRun = 0, providerRun = 0, timeoutMs = 0;
  let path = "", streamsParams = false, caller = "";
  let params = NO_VALUE;
  let routing: WireRouting | undefined;
  let context: PropagatedContext | undefined;
  for (let field = reader.field(); field !== 0; field = reader.field()) {
    if (field === 1) number = reader.uint();
    else if (field === 2) callerRun = reader.fixed64();
    else if (field === 3) providerRun = reader.fixed64();
    else if (field === 4) path = reader.string(MAX_NAME_BYTES);
    else if (field === 5) params = readValue(reader);
    else if (field === 6) timeoutMs = reader.uint();
    else if (field === 7) streamsParams = reader.uint() !== 0;
    else if (field === 8) routing = readRouting(reader, MAX_NAME_BYTES);
    else if (field === 9) caller = reader.string(MAX_NAME_BYTES);
    else if (field === 10) {
      context = readContext(reader);
      if (context === undefined) return undefined;
    } else reader.skip();
  }
  return {
    kind: "request",
    number,
    callerRun,
    providerRun,
    path,
    params,
    timeoutMs,
    streamsParams,
    routing,
    caller,
    context,
  };
}

function readResponse(reader: WireReader): ResponseMessage {
  let number = 0, callerRun = 0, streamsResult = false;
  let result = NO_VALUE;
  let failure: WireFailure | undefined;
  for (let field = reader.field(); field !== 0; field = reader.field()) {
    if (field === 1) number = reader.uint();
    else if (field === 2) callerRun = reader.fixed64();
    else if (field === 3) result = readValue(reader);
    else if (field === 4) failure = readFailure(reader);
    else if (field === 5) streamsResult = reader.uint() !== 0;
    else reader.skip();
  }
  return { kind: "response", number, callerRun, result, failure, streamsResult };
}

function readEvent(reader: WireReader): EventMessage | undefined {
  let topic = "", publishedAt = 0, past = false, retain = false, replicas = 0;
  let data = NO_VALUE;
  let groups: string[] | undefined;
  let context: PropagatedContext | undefined;
  for (let field = reader.field(); field !== 0; field = reader.field()) {
    if (field === 1) topic = reader.string(MAX_NAME_BYTES);
    else if (field === 2) data = readValue(reader);
    else if (field === 3) publishedAt = reader.uint();
    else if (field === 4) {
      const group = reader.string();
      groups ??= [];
      if (groups.length === MAX_GROUPS || group.length > MAX_GROUP_TEXT) return undefined;
      groups.push(group);
    } else if (field === 5) past = reader.uint() !== 0;
    else if (field === 6) retain = reader.uint() !== 0;
    else if (field === 7) {
      context = readContext(reader);
      if (context === undefined) return undefined;
    } else if (field === 8) replicas = reader.uint();
    else reader.skip();
  }
  return {
    kind: "event",
    topic,
    data,
    publishedAt,
    groups: groups ?? NO_GROUPS,
    past,
    retain,
    replicas,
    context,
  };
}

function readDiscovery(reader: WireReader): NodeMessage | undefined {
  let advert: ServiceAdvert | undefined;
  for (let field = reader.field(); field !== 0; field = reader.field()) {
    if (field === 1) advert = decodeAdvert(reader.bytes());
    else reader.skip();
  }
  return advert && { kind: "discovery", advert };
}

function readHeartbeat(reader: WireReader): NodeMessage {
  let run = 0;
  for (let field = reader.field(); field !== 0; field = reader.field()) {
    if (field === 1) run = reader.fixed64();
    else reader.skip();
  }
  return { kind: "heartbeat", run };
}

function readLeadership(reader: WireReader): NodeMessage | undefined {
  const paths: string[] = [];
  for (let field = reader.field(); field !== 0; field = reader.field()) {
    if (field !== 1) reader.skip();
    else if (paths.push(reader.string()) > MAX_LED) return undefined;
  }
  return { kind: "leadership", paths };
}

function readCancel(reader: WireReader): NodeMessage {
  let number = 0, callerRun = 0;
  for (let field = reader.field(); field !== 0; field = reader.field()) {
    if (field === 1) number = reader.uint();
    else if (field === 2) callerRun = reader.fixed64();
    else reader.skip();
  }
  return { kind: "cancel", number, callerRun };
}

/** Reads the value in the field that `outer` stands at. */
export function readValue(outer: WireReader): WireValue {
  const reader = outer.message();
  let { encoding, compression }: Pick<WireValue, "encoding" | "compression"> = NO_VALUE;
  let detachedBytes = 0, plainBytes = 0;
  let { data } = NO_VALUE;
  for (let field = reader.field(); field !== 0; field = reader.field()) {
    if (field === 1) encoding = reader.uint() as Encoding;
    else if (field === 2) data = reader.bytes();
    else if (field === 3) compression = reader.uint() as Compression;
    else if (field === 4) detachedBytes = reader.uint();
    else if (field === 5) plainBytes = reader.uint();
    else reader.skip();
  }
  outer.join(reader);
  return { encoding, data, compression, detachedBytes, plainBytes };
}
