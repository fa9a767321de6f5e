import assert from "node:assert/strict";
import fc from "fast-check";
import { commandMemory, CommandReader, CommandWriter, MAX_COMMAND_BYTES } from "./command_ring.ts";

Deno.test("CommandReader.read() gives what CommandWriter.tryWrite() took, in order, round and round", () => {
  const sizes = fc.array(fc.integer({ min: 0, max: 200_000 }), { minLength: 1, maxLength: 60 });
  fc.assert(
    fc.property(sizes, fc.infiniteStream(fc.boolean()), (lengths, reads) => {
      const memory = commandMemory();
      const writer = new CommandWriter(memory);
      const reader = new CommandReader(memory);
      const expected: Uint8Array[] = [];
      const readOne = () => assert.deepEqual(reader.read(), expected.shift());
      for (const [i, length] of lengths.entries()) {
        const message = new Uint8Array(length).fill(i);
        while (!writer.tryWrite(message)) readOne();
        expected.push(message);
        if (reads.next().value) readOne();
      }
      while (expected.length > 0) readOne();
      assert.equal(reader.read(), undefined);
    }),
    { numRuns: 20 },
  );
});

Deno.test("CommandReader.read() leaves nothing of a message in the memory, also at the ring's end", () => {
  const memory = commandMemory();
  const [writer, reader] = [new CommandWriter(memory), new CommandReader(memory)];
  const message = new Uint8Array(MAX_COMMAND_BYTES - 100).fill(0xaa);
  for (let i = 0; i < 3; i++) {
    assert.ok(writer.tryWrite(message));
    assert.ok(new Uint8Array(memory).includes(0xaa));
    assert.deepEqual(reader.read(), message);
    assert.ok(!new Uint8Array(memory).includes(0xaa));
  }
});

Deno.test("CommandReader.close() tells the writer", () => {
  const memory = commandMemory();
  const [writer, reader] = [new CommandWriter(memory), new CommandReader(memory)];
  assert.equal(writer.isClosed, false);
  reader.close();
  assert.equal(writer.isClosed, true);
});

Deno.test("CommandWriter.tryWrite() refuses what would not fit, and what never fits", () => {
  const memory = commandMemory();
  const writer = new CommandWriter(memory);
  const long = new Uint8Array(MAX_COMMAND_BYTES);
  assert.equal(writer.tryWrite(long), true);
  assert.equal(writer.tryWrite(long), false);
  new CommandReader(memory).read();
  assert.equal(writer.tryWrite(long), true);
  assert.throws(() => writer.tryWrite(new Uint8Array(MAX_COMMAND_BYTES + 1)), RangeError);
});
