import assert from "node:assert/strict";
import fc from "fast-check";
import { decodeMessage, encodeMessage, RequestMessageSchema, WireReader, WireWriter } from "./mod.ts";

/** Where a number takes one byte more. */
const EDGES = [7, 14, 21, 28, 35, 42, 49].flatMap((bits) => [2 ** bits - 1, 2 ** bits]);
const NUMBER = fc.oneof(fc.nat(), fc.maxSafeNat(), fc.constantFrom(0, ...EDGES, 2 ** 32, 2 ** 53 - 1));

Deno.test("WireWriter and WireReader agree with the generated code where numbers take a byte more", () => {
  const writer = new WireWriter();
  for (const number of [...EDGES, 2 ** 53 - 1]) {
    writer.uint(1, number);
    const bytes = writer.finish();
    assert.deepEqual(bytes, encodeMessage(RequestMessageSchema, { number: BigInt(number) }), `${number}`);
    const reader = new WireReader(bytes);
    assert.deepEqual([reader.field(), reader.uint(), reader.field()], [1, number, 0]);
  }
});

Deno.test("WireReader reads texts that look alike as what they are, again and again", () => {
  const writer = new WireWriter();
  // Few letters, so that many have the same length and the same ends.
  const texts = fc.array(fc.string({ unit: fc.constantFrom("a", "b", "é"), maxLength: 6 }), {
    maxLength: 40,
  });
  fc.assert(fc.property(texts, (all) => {
    for (const text of all.toReversed()) writer.text(4, text);
    const reader = new WireReader(writer.finish());
    const read: string[] = [];
    while (reader.field() !== 0) read.push(reader.string());
    assert.deepEqual([read, reader.isBroken], [all, false]);
  }));
});

Deno.test("WireWriter writes what the generated code reads, and WireReader reads what it writes", () => {
  const writer = new WireWriter();
  const text = fc.string({ unit: "binary", maxLength: 100 });
  fc.assert(
    fc.property(NUMBER, NUMBER, text, fc.uint8Array({ maxLength: 3_000 }), (number, run, path, data) => {
      writer.bool(7, true);
      const params = writer.length;
      writer.bytes(2, data);
      writer.message(5, params);
      writer.string(4, path);
      writer.fixed64(2, run);
      writer.uint(1, number);
      const bytes = writer.finish();
      assert.equal(writer.length, 0);
      const decoded = decodeMessage(RequestMessageSchema, bytes);
      assert.deepEqual(
        [decoded?.number, decoded?.callerRun, decoded?.path, decoded?.streamsParams],
        [BigInt(number), BigInt(run), path, true],
      );
      assert.deepEqual([...decoded?.params?.data ?? []], [...data]);
      const reader = new WireReader(encodeMessage(RequestMessageSchema, {
        number: BigInt(number),
        callerRun: BigInt(run),
        path,
        params: { data },
        streamsParams: true,
      }));
      const read: Record<number, unknown> = { 1: 0, 2: 0, 4: "", 5: undefined };
      for (let field = reader.field(); field !== 0; field = reader.field()) {
        if (field === 1) read[1] = reader.uint();
        else if (field === 2) read[2] = reader.fixed64();
        else if (field === 4) read[4] = reader.string();
        else if (field === 5) {
          const inner = reader.message();
          while (inner.field() !== 0) read[5] = [...inner.bytes()];
          reader.join(inner);
        } else reader.skip();
      }
      assert.equal(reader.isBroken, false);
      assert.deepEqual(read, { 1: number, 2: run, 4: path, 5: data.length === 0 ? undefined : [...data] });
    }),
  );
});

Deno.test("WireReader ends on any bytes, breaks on truncated ones, and passes over fields that it does not know", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
    const reader = new WireReader(bytes);
    let fields = 0;
    for (let field = reader.field(); field !== 0; field = reader.field()) {
      reader.skip();
      assert.ok(++fields <= bytes.length);
    }
  }));
  const whole = encodeMessage(RequestMessageSchema, {
    number: 300n,
    callerRun: 7n,
    path: "math/add",
    params: { data: Uint8Array.of(1, 2, 3) },
  });
  const starts = new Set([0]);
  const reader = new WireReader(whole);
  const skipped: number[] = [];
  for (let field = reader.field(); field !== 0; field = reader.field()) {
    skipped.push(field);
    reader.skip();
  }
  assert.deepEqual([skipped, reader.isBroken], [[1, 2, 4, 5], false]);
  for (let length = 1; length < whole.length; length++) {
    const cut = new WireReader(whole.subarray(0, length));
    while (cut.field() !== 0) cut.skip();
    if (!cut.isBroken) starts.add(length);
  }
  // Whole fields only.
  assert.equal(starts.size, 4);
});

Deno.test("WireReader breaks on a type that the field does not have, and on text that is not UTF-8", () => {
  const typed = new WireReader(encodeMessage(RequestMessageSchema, { path: "a" }));
  typed.field();
  assert.equal(typed.uint(), 0);
  assert.equal(typed.isBroken, true);
  const text = new WireReader(Uint8Array.of(0x22, 2, 0xc3, 0x28));
  text.field();
  text.string();
  assert.equal(text.isBroken, true);
  const large = new WireReader(Uint8Array.of(0x08, ...new Array(9).fill(0xff), 1));
  large.field();
  large.uint();
  assert.equal(large.isBroken, true);
});
