import assert from "node:assert/strict";
import fc from "fast-check";
import {
  Compression,
  decodeMessage,
  encodeMessage,
  Encoding,
  type NodeMessage as Generated,
  NodeMessageSchema,
  type State,
  WireWriter,
} from "../../proto/mod.ts";
import { MAX_FAILURE_TEXT } from "./failure_codec.ts";
import {
  decodeNodeMessage,
  NO_VALUE,
  type NodeMessage,
  NodeMessageEncoder,
  type WireValue,
} from "./node_message.ts";
import type { PropagatedContext } from "./propagated_context.ts";
import { EMPTY_ADVERT } from "./service_advert.ts";
import { ADVERT, FLAG, NUMBER, record, TEXT } from "../testing/arbitrary_advert.ts";

const encoder = new NodeMessageEncoder();
const encode = (message: NodeMessage) => encoder.encode(message).slice();

const UINT32 = fc.oneof(fc.nat(), fc.constantFrom(0, 2 ** 32 - 1));
const BYTES = fc.uint8Array({ maxLength: 300 });
const VALUE: fc.Arbitrary<WireValue> = record({
  encoding: fc.constantFrom(Encoding.UNSPECIFIED, Encoding.JSON, Encoding.BINARY),
  data: BYTES,
  compression: fc.constantFrom(Compression.UNSPECIFIED, Compression.DEFLATE),
  detachedBytes: NUMBER,
  plainBytes: NUMBER,
});
const FAILURE = record({ code: TEXT, message: TEXT, retryable: FLAG, executed: FLAG });
const CONTEXT: fc.Arbitrary<PropagatedContext> = record({
  metadata: fc.dictionary(fc.stringMatching(/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,20}$/), TEXT, {
    maxKeys: 5,
    noNullPrototype: true,
  }),
  traceparent: fc.constantFrom("", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
  tracestate: fc.constant(""),
  callerPath: TEXT,
  origin: fc.constantFrom("", "some node"),
});
const ROUTING = record({
  mode: TEXT,
  node: TEXT,
  idempotent: FLAG,
  retries: fc.option(fc.nat(100), { nil: undefined }),
  attemptTimeoutMs: fc.option(fc.integer({ min: 1, max: 86_400_000 }), { nil: undefined }),
  hedgeAfterMs: fc.option(fc.integer({ min: 1, max: 86_400_000 }), { nil: undefined }),
  version: TEXT,
});
const MESSAGE: fc.Arbitrary<NodeMessage> = fc.oneof(
  record({
    kind: fc.constant("request" as const),
    number: NUMBER,
    callerRun: NUMBER,
    providerRun: NUMBER,
    path: TEXT,
    params: VALUE,
    timeoutMs: UINT32,
    streamsParams: FLAG,
    routing: fc.option(ROUTING, { nil: undefined }),
    caller: TEXT,
    context: fc.option(CONTEXT, { nil: undefined }),
  }),
  record({
    kind: fc.constant("response" as const),
    number: NUMBER,
    callerRun: NUMBER,
    result: VALUE,
    failure: fc.option(FAILURE, { nil: undefined }),
    streamsResult: FLAG,
  }).map((message) => message.failure === undefined ? message : { ...message, result: NO_VALUE }),
  record({
    kind: fc.constant("event" as const),
    topic: TEXT,
    data: VALUE,
    publishedAt: NUMBER,
    groups: fc.array(TEXT, { maxLength: 4 }),
    past: FLAG,
    retain: FLAG,
    replicas: fc.nat(100),
    context: fc.option(CONTEXT, { nil: undefined }),
  }),
  record({ kind: fc.constant("discovery" as const), advert: ADVERT }),
  record({ kind: fc.constant("heartbeat" as const), run: NUMBER }),
  record({ kind: fc.constant("leadership" as const), paths: fc.array(TEXT, { maxLength: 4 }) }),
  record({ kind: fc.constant("cancel" as const), number: NUMBER, callerRun: NUMBER }),
);

const STATES: readonly string[] = ["", "created", "initialized", "running", "paused", "stopped", "error"];

/** The same message by the generated code. */
function byOracle(message: NodeMessage): Generated["payload"] {
  const wide = (value: WireValue) => ({
    ...value,
    detachedBytes: BigInt(value.detachedBytes),
    plainBytes: BigInt(value.plainBytes),
  });
  const init = (): Parameters<typeof encodeMessage<typeof NodeMessageSchema>>[1]["payload"] => {
    switch (message.kind) {
      case "request": {
        const { routing, params, context, ...rest } = message;
        const value = {
          ...rest,
          number: BigInt(rest.number),
          callerRun: BigInt(rest.callerRun),
          providerRun: BigInt(rest.providerRun),
          params: wide(params),
          ...(context === undefined ? {} : { context: { ...context, metadata: { ...context.metadata } } }),
          ...(routing === undefined ? {} : {
            routing: {
              ...routing,
              retries: routing.retries === undefined ? 0 : routing.retries + 1,
              attemptTimeoutMs: routing.attemptTimeoutMs ?? 0,
              hedgeAfterMs: routing.hedgeAfterMs ?? 0,
            },
          }),
        };
        return { case: "request", value };
      }
      case "response": {
        const { failure, result, number, callerRun, streamsResult } = message;
        const outcome = failure === undefined
          ? { case: "result" as const, value: wide(result) }
          : { case: "failure" as const, value: failure };
        return {
          case: "response",
          value: { number: BigInt(number), callerRun: BigInt(callerRun), streamsResult, outcome },
        };
      }
      case "event": {
        const { publishedAt, data, groups, context, ...rest } = message;
        return {
          case: "event",
          value: {
            ...rest,
            publishedAt: BigInt(publishedAt),
            data: wide(data),
            groups: [...groups],
            ...(context === undefined ? {} : { context: { ...context, metadata: { ...context.metadata } } }),
          },
        };
      }
      case "discovery": {
        const { run, services, subscriptions, retains } = message.advert;
        const told = services.map(({ state, actions, events, ...rest }) => ({
          ...rest,
          state: STATES.indexOf(state) as State,
          actions: [...actions],
          events: [...events],
        }));
        const advert = { run: BigInt(run), services: told, subscriptions: [...subscriptions], retains };
        return { case: "discovery", value: { advert } };
      }
      case "heartbeat":
        return { case: "heartbeat", value: { run: BigInt(message.run) } };
      case "cancel":
        return {
          case: "cancel",
          value: { number: BigInt(message.number), callerRun: BigInt(message.callerRun) },
        };
      case "leadership":
        return { case: "leadership", value: { paths: [...message.paths] } };
    }
  };
  const bytes = encodeMessage(NodeMessageSchema, { payload: init() as never });
  const decoded = decodeMessage(NodeMessageSchema, bytes);
  assert.ok(decoded);
  return decoded.payload;
}

function oracleBytes(message: NodeMessage): Uint8Array {
  return encodeMessage(NodeMessageSchema, { payload: byOracle(message) as never });
}

Deno.test("decodeNodeMessage() and NodeMessageEncoder agree with the generated code, both ways", () => {
  fc.assert(
    fc.property(MESSAGE, (message) => {
      const bytes = encode(message);
      assert.deepEqual(decodeMessage(NodeMessageSchema, bytes)?.payload, byOracle(message));
      assert.deepEqual(decodeNodeMessage(bytes), message);
      assert.deepEqual(decodeNodeMessage(oracleBytes(message)), message);
    }),
    { examples: [[{ kind: "discovery", advert: EMPTY_ADVERT }]] },
  );
});

/** A field of a later version, at any place. */
const NEWER = fc.tuple(
  fc.integer({ min: 100, max: 10_000 }),
  fc.nat(),
  BYTES,
  fc.constantFrom("number", "bytes", "run"),
);

function newerField([field, number, bytes, kind]: readonly [number, number, Uint8Array, string]): Uint8Array {
  const writer = new WireWriter();
  if (kind === "number") writer.uint(field, number + 1);
  else if (kind === "run") writer.fixed64(field, number + 1);
  else writer.bytes(field, Uint8Array.of(1, ...bytes));
  return writer.finish();
}

function joined(...parts: Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

/** Takes the outer field off, and puts it on again around more. */
function withMore(bytes: Uint8Array, more: Uint8Array): Uint8Array {
  const field = (bytes[0] ?? 0) >> 3;
  let at = 1;
  while ((bytes[at++] ?? 0) > 127);
  const writer = new WireWriter();
  writer.bytes(field, joined(bytes.subarray(at), more));
  return writer.finish();
}

Deno.test("decodeNodeMessage() skips fields of later versions, inside and outside of the message", () => {
  fc.assert(
    fc.property(MESSAGE.filter(({ kind }) => kind !== "discovery"), NEWER, NEWER, (message, one, other) => {
      const bytes = encode(message);
      const [inside, around] = [newerField(one), newerField(other)];
      assert.deepEqual(decodeNodeMessage(joined(around, bytes)), message);
      assert.deepEqual(decodeNodeMessage(joined(bytes, around)), message);
      assert.deepEqual(decodeNodeMessage(withMore(bytes, inside)), message);
    }),
  );
});

Deno.test("decodeNodeMessage() rejects kinds of later versions, and has defaults for fields that are absent", () => {
  const writer = new WireWriter();
  writer.bytes(77, Uint8Array.of(8, 1));
  assert.equal(decodeNodeMessage(writer.finish()), undefined);
  assert.equal(decodeNodeMessage(new Uint8Array(0)), undefined);
  const bare = (field: number) => decodeNodeMessage(Uint8Array.of(field << 3 | 2, 0));
  assert.deepEqual(bare(1), {
    kind: "request",
    number: 0,
    callerRun: 0,
    providerRun: 0,
    path: "",
    params: NO_VALUE,
    timeoutMs: 0,
    streamsParams: false,
    routing: undefined,
    caller: "",
    context: undefined,
  });
  assert.deepEqual(bare(2), {
    kind: "response",
    number: 0,
    callerRun: 0,
    result: NO_VALUE,
    failure: undefined,
    streamsResult: false,
  });
  const event = {
    topic: "",
    data: NO_VALUE,
    publishedAt: 0,
    groups: [],
    past: false,
    retain: false,
    replicas: 0,
    context: undefined,
  };
  assert.deepEqual(bare(3), { kind: "event", ...event });
  assert.equal(bare(4), undefined, "an advert is needed");
  assert.deepEqual(bare(5), { kind: "heartbeat", run: 0 });
  assert.deepEqual(bare(6), { kind: "cancel", number: 0, callerRun: 0 });
  // Values of enums that are not known are kept for whoever can refuse them with a reason.
  const value = { ...NO_VALUE, encoding: 99 as Encoding, compression: 98 as Compression };
  const message: NodeMessage = { kind: "event", ...event, data: value };
  assert.deepEqual(decodeNodeMessage(encode(message)), message);
});

Deno.test("decodeNodeMessage() rejects a message that is cut off anywhere", () => {
  fc.assert(
    fc.property(MESSAGE, (message) => {
      const bytes = encode(message);
      for (let length = 0; length < bytes.length; length++) {
        assert.equal(decodeNodeMessage(bytes.subarray(0, length)), undefined, `${length} of ${bytes.length}`);
      }
    }),
    { numRuns: 50 },
  );
});

Deno.test("decodeNodeMessage() survives a flipped bit and random bytes, and reads no bytes outside of the message", () => {
  const survive = (bytes: Uint8Array) => {
    const message = decodeNodeMessage(bytes);
    if (message === undefined) return;
    const data = message.kind === "request"
      ? message.params.data
      : message.kind === "response"
      ? message.result.data
      : message.kind === "event"
      ? message.data.data
      : undefined;
    assert.ok(data === undefined || data.length <= bytes.length);
    encode(message);
  };
  fc.assert(fc.property(MESSAGE, fc.nat(), (message, bit) => {
    const bytes = encode(message);
    const at = (bit >> 3) % bytes.length;
    bytes[at] = (bytes[at] ?? 0) ^ (1 << (bit & 7));
    survive(bytes);
  }));
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), survive), { numRuns: 2_000 });
  const shaped = fc.tuple(fc.integer({ min: 1, max: 6 }), fc.uint8Array({ maxLength: 100 }));
  fc.assert(
    fc.property(
      shaped,
      ([field, bytes]) => survive(joined(Uint8Array.of(field << 3 | 2, bytes.length), bytes)),
    ),
    {
      numRuns: 2_000,
    },
  );
});

Deno.test("decodeNodeMessage() cuts long texts of failures, and rejects an event with too many groups", () => {
  const failure = { code: "c".repeat(500), message: "m".repeat(5_000), retryable: true, executed: true };
  const rest = { kind: "response", number: 1, callerRun: 2, result: NO_VALUE, streamsResult: false } as const;
  const read = (bytes: Uint8Array) => {
    const decoded = decodeNodeMessage(bytes);
    return decoded?.kind === "response"
      ? [decoded.failure?.code.length, decoded.failure?.message.length]
      : undefined;
  };
  assert.deepEqual(read(encode({ ...rest, failure })), [64, MAX_FAILURE_TEXT]);
  assert.deepEqual(read(oracleBytes({ ...rest, failure })), [64, MAX_FAILURE_TEXT]);
  const event = {
    kind: "event",
    topic: "t",
    data: NO_VALUE,
    publishedAt: 0,
    past: false,
    retain: false,
  } as const;
  const groups = (count: number, length: number) =>
    decodeNodeMessage(encode({ ...event, groups: Array.from({ length: count }, () => "g".repeat(length)) }));
  assert.notEqual(groups(256, 10), undefined);
  assert.equal(groups(257, 10), undefined);
  assert.equal(groups(1, 5_000), undefined);
});

Deno.test("decodeNodeMessage() rejects a message of many empty ones, and one that says several things", () => {
  const cancel = [0x32, 0];
  assert.equal(decodeNodeMessage(Uint8Array.from(cancel))?.kind, "cancel");
  assert.equal(decodeNodeMessage(Uint8Array.from([...cancel, ...cancel])), undefined);
  // The same parameters again and again, inside of one request.
  const request = (values: number) => {
    const length = 2 * values;
    const bytes = new Uint8Array(4 + length);
    bytes.set([0x0a, length & 127 | 128, length >> 7 & 127 | 128, length >> 14]);
    for (let i = 0; i < values; i++) bytes.set([0x2a, 0], 4 + 2 * i);
    return bytes;
  };
  assert.equal(decodeNodeMessage(request(1_000))?.kind, "request");
  assert.equal(decodeNodeMessage(request(1_100)), undefined);
  const long = request(500_000);
  const startedAt = performance.now();
  for (let i = 0; i < 100; i++) assert.equal(decodeNodeMessage(long), undefined);
  assert.ok(performance.now() - startedAt < 2_000);
});

Deno.test("decodeNodeMessage() rejects names that are too long, and adverts of whoever may not advertise", () => {
  const event = (topic: string): NodeMessage => ({
    kind: "event",
    topic,
    data: NO_VALUE,
    publishedAt: 1,
    groups: [],
    past: false,
    retain: false,
  });
  assert.equal(decodeNodeMessage(encoder.encode(event("x".repeat(1_024))))?.kind, "event");
  assert.equal(decodeNodeMessage(encoder.encode(event("x".repeat(1_025)))), undefined);
  const advert = encoder.encode({ kind: "discovery", advert: EMPTY_ADVERT });
  assert.equal(decodeNodeMessage(advert)?.kind, "discovery");
  assert.equal(decodeNodeMessage(advert, false), undefined);
});
