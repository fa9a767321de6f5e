import assert from "node:assert/strict";
import { WireReader, WireWriter } from "../../proto/mod.ts";
import { InvalidServiceError } from "../errors.ts";
import {
  contextOf,
  isTraceparent,
  MAX_METADATA_BYTES,
  type PropagatedContext,
  readContext,
  writeContext,
} from "./propagated_context.ts";

const TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const NOTHING = { metadata: {}, traceparent: "", tracestate: "", callerPath: "", origin: "" };

/** What a message with it gives, when it is read again. */
function again(context: PropagatedContext): PropagatedContext | undefined {
  const writer = new WireWriter();
  writeContext(writer, 1, context);
  const reader = new WireReader(writer.finish());
  assert.equal(reader.field(), 1);
  const read = readContext(reader);
  return reader.isBroken ? undefined : read;
}

Deno.test("contextOf() has what is said on top of what came along, and nothing for nothing", () => {
  assert.equal(contextOf({}), undefined);
  const parent = {
    metadata: { user: "ann", locale: "de" },
    traceparent: TRACE,
    tracestate: "a=1",
    callerPath: "shop/buy",
    origin: "web-1",
  };
  assert.deepEqual(contextOf({}, parent), parent);
  assert.deepEqual(contextOf({ metadata: { locale: "fr" } }, parent), {
    ...parent,
    metadata: { user: "ann", locale: "fr" },
  });
  const other = TRACE.replace("-b7", "-c7");
  assert.deepEqual(contextOf({ traceparent: other }, parent), {
    ...parent,
    traceparent: other,
    tracestate: "",
  });
  assert.deepEqual(contextOf({ metadata: { a: "1" } }), { ...NOTHING, metadata: { a: "1" } });
});

Deno.test("contextOf() refuses metadata that may not travel, and says why", () => {
  const wrong: Record<string, Record<string, unknown>> = {
    "no name": { "": "x" },
    "no name ": { __proto: "x" },
    "no text": { a: 7 },
    "entries": Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`k${i}`, ""])),
    "bytes": { a: "ä".repeat(MAX_METADATA_BYTES / 2) },
  };
  for (const [reason, metadata] of Object.entries(wrong)) {
    assert.throws(
      () => contextOf({ metadata: metadata as Record<string, string> }),
      (error: unknown) => error instanceof InvalidServiceError && error.message.includes(reason.trim()),
      reason,
    );
  }
  assert.throws(() => contextOf({ traceparent: "00-1-2-3" }), InvalidServiceError);
  const parent = { ...NOTHING, metadata: { a: "x".repeat(4_000) } };
  assert.throws(() => contextOf({ metadata: { b: "x".repeat(200) } }, parent), InvalidServiceError);
});

Deno.test("isTraceparent() tells the form of Trace Context §3.2 from what only looks like it", () => {
  for (const good of [TRACE, TRACE.replace("-01", "-00"), `cc${TRACE.slice(2)}-what`]) {
    assert.ok(isTraceparent(good), good);
  }
  const bad = [
    "",
    TRACE.toUpperCase(),
    `${TRACE}-more`,
    `ff${TRACE.slice(2)}`,
    TRACE.replace(/-[0-9a-f]{32}-/, `-${"0".repeat(32)}-`),
    TRACE.replace(/-[0-9a-f]{16}-/, `-${"0".repeat(16)}-`),
  ];
  for (const text of bad) assert.ok(!isTraceparent(text), text);
});

Deno.test("readContext() gives what was written, leaves out a trace that is none, and rejects what is over a bound", () => {
  const whole = {
    metadata: { user: "ann", empty: "", ünlikely: "" },
    traceparent: TRACE,
    tracestate: "vendor=1",
    callerPath: "mesh:shop/buy",
    origin: "web-1",
  };
  assert.equal(again(whole), undefined, "no name of metadata");
  const { ünlikely: _, ...metadata } = whole.metadata;
  assert.deepEqual(again({ ...whole, metadata }), { ...whole, metadata });
  assert.deepEqual(again({ ...NOTHING, traceparent: "00-x", tracestate: "a=1" }), NOTHING);
  const many = Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`k${i}`, "v"]));
  assert.equal(again({ ...NOTHING, metadata: many }), undefined);
  assert.equal(again({ ...NOTHING, metadata: { a: "x".repeat(3_000), b: "x".repeat(3_000) } }), undefined);
  assert.equal(again({ ...NOTHING, metadata: { _hidden: "x" } }), undefined);
  assert.equal(again({ ...NOTHING, tracestate: "x".repeat(513) }), undefined);
});
