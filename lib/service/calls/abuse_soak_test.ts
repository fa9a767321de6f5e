import assert from "node:assert/strict";
import { Compression, Encoding } from "../../proto/mod.ts";
import { randomFraction, SeededRandom } from "../../base/mod.ts";
import { type Compressor, peerId } from "../ports.ts";
import { MemoryMesh, settle } from "../testing/memory_mesh.ts";
import { streamPair } from "../testing/memory_stream.ts";
import { NO_VALUE, type NodeMessage, NodeMessageEncoder, type WireValue } from "../wire/node_message.ts";
import { plain } from "../wire/wire_value.ts";

const HOUR_MS = 3_600_000;
const KIB = 1_024;
const SEED = 20_260;

/** Gives what it is asked for, or says that it is broken. */
const compressor: Compressor = {
  deflate: () => Promise.resolve(undefined),
  inflate: (bytes, maxBytes) => Promise.resolve(bytes[0] === 0 ? undefined : new Uint8Array(maxBytes)),
};

/** Whatever a member may say, most of it at a bound. */
class Abuser {
  readonly #random = new SeededRandom(SEED);
  readonly #encoder = new NodeMessageEncoder();
  #number = 0;

  next(): { readonly bytes: Uint8Array; readonly detachedBytes: number } {
    const params = this.#value();
    const bytes = this.#encoder.encode(this.#draw(4) === 0 ? this.#event(params) : this.#request(params))
      .slice();
    // Cut off, or broken somewhere.
    if (this.#draw(20) === 0) bytes[this.#draw(bytes.length)] = this.#draw(256);
    return { bytes, detachedBytes: params.detachedBytes };
  }

  chance(): number {
    return randomFraction(this.#random);
  }

  #value(): WireValue {
    const data = new Uint8Array(this.#draw(20) * KIB).fill(this.#draw(2));
    const encoding = this.#draw(2) === 0 ? Encoding.BINARY : Encoding.JSON;
    const value = plain(encoding, data);
    switch (this.#draw(4)) {
      case 0:
        return { ...value, compression: Compression.DEFLATE, plainBytes: this.#draw(300) * KIB };
      case 1:
        return { ...value, data: data.subarray(0, 0), detachedBytes: this.#draw(300) * KIB };
      case 2:
        return NO_VALUE;
      default:
        return value;
    }
  }

  #request(params: WireValue): NodeMessage {
    const paths = ["work/slow", "work/fast", "work/items", "work/none", "$events/past", "nobody/there"];
    return {
      kind: "request",
      // Some come again, of this run or of another.
      number: this.#draw(10) === 0 ? this.#draw(this.#number + 1) : ++this.#number,
      callerRun: this.#draw(50) === 0 ? this.#draw(1_000) : 7,
      providerRun: 0,
      path: paths[this.#draw(paths.length)] ?? "",
      params,
      timeoutMs: this.#draw(20_000),
      streamsParams: this.#draw(5) === 0,
      routing: undefined,
      caller: "",
    };
  }

  #event(data: WireValue): NodeMessage {
    const topic = this.#draw(2) === 0 ? "x/y" : "nobody/listens";
    return { kind: "event", topic, data, publishedAt: this.#number, groups: [], past: false, retain: true };
  }

  #draw(below: number): number {
    return Math.floor(randomFraction(this.#random) * below);
  }
}

Deno.test("NodeRuntime holds nothing of a member that has abused it for hours", async () => {
  // deno-lint-ignore no-console -- whoever sees the failure can run the same again
  console.log(`seed ${SEED}`);
  await using mesh = new MemoryMesh(SEED);
  const limits = { memory: { originBytes: 1 << 20, totalBytes: 4 << 20 } };
  const peer = mesh.add("abuser").id;
  const { runtime } = mesh.add("node", { limits, compressor });
  await runtime.addService({
    path: "work",
    concurrency: 4,
    queue: 64,
    actions: {
      slow: () => new Promise((resolve) => void mesh.timers.setTimer(2_000, () => resolve(1))),
      fast: () => 1,
      items: async function* () {
        for (let i = 0; i < 10; i++) yield new Uint8Array(i * KIB);
      },
    },
  });
  runtime.subscribe("x/*", () => new Promise((resolve) => void mesh.timers.setTimer(100, () => resolve(1))));
  await settle();
  const timersBefore = mesh.timers.size;
  const abuser = new Abuser();
  for (let hour = 0; hour < 4; hour++) {
    for (let i = 0; i < 1_500; i++) {
      const { bytes, detachedBytes } = abuser.next();
      const [near, far] = streamPair();
      const isWhole = abuser.chance() < 0.5;
      if (detachedBytes > 0) {
        const sent = new Uint8Array(isWhole ? detachedBytes : detachedBytes / 2);
        void near.write(sent).then(() => isWhole ? near.end() : near.reset(1));
      }
      runtime.handleMessage(peerId(peer), bytes, detachedBytes > 0 ? far : undefined);
      if (i % 10 === 0) {
        mesh.timers.advance(50);
        await settle();
      }
      assert.ok(runtime.memory.usedBytes <= 1 << 20);
    }
    await mesh.run(HOUR_MS, 20_000);
    assert.deepEqual([runtime.memory.usedBytes, runtime.runningCalls], [0, 0]);
    assert.ok(mesh.timers.size <= timersBefore + 1, `${mesh.timers.size} timers, ${timersBefore} before`);
  }
  assert.ok(runtime.memory.refused > 0);
});
