import assert from "node:assert/strict";
import { Compression, Encoding } from "../../proto/mod.ts";
import { type Compressor, peerId, type ServiceStream } from "../ports.ts";
import { attached, MemoryMesh, type MemoryNodeOptions, settle } from "../testing/memory_mesh.ts";
import { streamPair } from "../testing/memory_stream.ts";
import {
  decodeNodeMessage,
  NodeMessageEncoder,
  type RequestMessage,
  type WireValue,
} from "../wire/node_message.ts";
import { plain } from "../wire/wire_value.ts";

const MIB = 1 << 20;
const CALLER = peerId("caller");
const PLAIN = { ...plain(Encoding.BINARY, new Uint8Array(0)) };
const COMPRESSED = { ...plain(Encoding.BINARY, new Uint8Array(16_000)), compression: Compression.DEFLATE };
const OPTIONS: MemoryNodeOptions = {};

/** Counts what it is asked to inflate, and gives as much as it may. */
class CountingCompressor implements Compressor {
  inflated = 0;

  deflate(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  inflate(_: Uint8Array, maxBytes: number): Promise<Uint8Array> {
    this.inflated++;
    return Promise.resolve(new Uint8Array(maxBytes));
  }
}

/** A provider, and somebody who says to it whatever he likes. */
class HostileCall implements AsyncDisposable {
  readonly mesh = new MemoryMesh();
  readonly compressor = new CountingCompressor();
  readonly provider;
  /** The codes of what was answered, or `done`. */
  readonly answers: string[] = [];
  reads = 0;
  /** Lets calls go that were held. */
  readonly held: (() => void)[] = [];
  #number = 0;

  constructor(options = OPTIONS) {
    this.mesh.add("caller");
    this.provider = this.mesh.add("provider", { compressor: this.compressor, ...options }).runtime;
    this.mesh.watch = (from, to, bytes) => {
      const message = decodeNodeMessage(bytes);
      if (from !== "provider" || to !== CALLER || message?.kind !== "response") return;
      this.answers.push(message.failure?.code ?? "done");
    };
  }

  readonly hold = (): Promise<number> => new Promise((resolve) => void this.held.push(() => resolve(1)));

  /** @param stream whether the parameters follow on a stream */
  send(path: string, params: WireValue, more: Partial<RequestMessage> = {}): void {
    const request: RequestMessage = {
      kind: "request",
      number: ++this.#number,
      callerRun: 7,
      providerRun: 0,
      path,
      params,
      timeoutMs: 60_000,
      streamsParams: false,
      routing: undefined,
      caller: "",
      ...more,
    };
    const bytes = new NodeMessageEncoder().encode(request);
    this.provider.handleMessage(CALLER, bytes, params.detachedBytes > 0 ? this.#stream(params) : undefined);
    // They are good until the handler returns.
    bytes.fill(0xaa);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const go of this.held) go();
    await settle();
    await this.mesh.close();
  }

  #stream({ detachedBytes }: WireValue): ServiceStream {
    const [near, far] = streamPair();
    void near.write(new Uint8Array(detachedBytes)).then(() => near.end());
    return {
      ...far,
      get resetCode() {
        return far.resetCode;
      },
      read: () => {
        this.reads++;
        return far.read();
      },
    };
  }
}

const REFUSALS = [
  { why: "Refused", path: "vault/open" },
  { why: "UnknownAction", path: "vault/none" },
  { why: "NoProvider", path: "nobody/offers" },
  { why: "ServicePaused", path: "paused/do" },
  { why: "Overloaded", path: "busy/do" },
] as const;

for (const { why, path } of REFUSALS) {
  Deno.test(`CallServer answers ${why} without inflating or reading the parameters`, async () => {
    await using call = new HostileCall();
    const { provider, compressor, hold } = call;
    await provider.addService({ path: "vault", allow: "clerk", actions: { open: () => 1 } });
    const paused = await provider.addService({ path: "paused", actions: { do: () => 1 } });
    await provider.addService({ path: "busy", concurrency: 1, queue: 0, actions: { do: hold } });
    paused.pause();
    call.send("busy/do", PLAIN);
    call.send(path, { ...COMPRESSED, plainBytes: 8 * MIB });
    call.send(path, { ...PLAIN, detachedBytes: MIB });
    await settle();
    assert.deepEqual(call.answers, [why, why]);
    assert.deepEqual([compressor.inflated, call.reads], [0, 0]);
    assert.equal(provider.memory.peakBytes, 0);
  });
}

Deno.test("CallServer bounds what calls of one caller hold while they run and wait, and gets it back", async () => {
  await using call = new HostileCall();
  const { provider, compressor, hold } = call;
  await provider.addService({ path: "slow", concurrency: 2, queue: 100, actions: { do: hold } });
  for (let i = 0; i < 50; i++) call.send("slow/do", { ...COMPRESSED, plainBytes: 8 * MIB });
  await settle();
  const { memory } = provider;
  assert.ok(memory.usedBytes > 48 * MIB && memory.peakBytes <= 64 * MIB, String(memory.peakBytes));
  assert.equal(compressor.inflated, 7);
  assert.deepEqual(call.answers, Array(43).fill("Overloaded"));
  for (let i = 0; i < 7; i++) {
    call.held[i]?.();
    await settle();
  }
  assert.deepEqual(call.answers.slice(43), Array(7).fill("done"));
  assert.equal(memory.usedBytes, 0);
});

Deno.test("CallServer counts short calls that wait, whose parameters stay what they were", async () => {
  await using call = new HostileCall({ limits: { memory: { originBytes: 100_000, totalBytes: 400_000 } } });
  const seen: number[] = [];
  const { provider } = call;
  await provider.addService({
    path: "slow",
    concurrency: 1,
    queue: 10_000,
    actions: {
      do: async (bytes: Uint8Array) => {
        seen.push(bytes.length === 500 && bytes.every((byte) => byte === 5) ? 1 : 0);
        await call.hold();
      },
    },
  });
  for (let i = 0; i < 1_000; i++) call.send("slow/do", plain(Encoding.BINARY, new Uint8Array(500).fill(5)));
  await settle();
  assert.equal(call.answers.length, 1_000 - 98);
  for (let i = 0; i < 98; i++) {
    call.held[i]?.();
    await settle();
  }
  assert.deepEqual(seen, Array(98).fill(1));
  assert.equal(provider.memory.usedBytes, 0);
});

Deno.test("CallServer claims for JSON what it becomes, and refuses it before it is parsed", async () => {
  await using call = new HostileCall({ limits: { memory: { originBytes: 4 * MIB, totalBytes: 16 * MIB } } });
  let ran = 0;
  await call.provider.addService({ path: "any", actions: { do: () => ++ran } });
  const elements = (count: number) =>
    plain(Encoding.JSON, new TextEncoder().encode(`[${Array(count).fill("1").join(",")}]`));
  call.send("any/do", elements(20_000));
  call.send("any/do", elements(100_000));
  await settle();
  assert.deepEqual([call.answers, ran], [["done", "Overloaded"], 1]);
  assert.equal(call.provider.memory.usedBytes, 0);
});

Deno.test("CallServer counts long answers that a caller does not read, and refuses further ones", async () => {
  await using call = new HostileCall();
  await call.provider.addService({ path: "large", actions: { get: () => new Uint8Array(15 * MIB) } });
  const caller = call.mesh.nodes.get(CALLER) ?? assert.fail();
  const provider = call.mesh.nodes.get(peerId("provider")) ?? assert.fail();
  caller.runtime.handleMessage = () => {};
  for (let i = 0; i < 10; i++) call.send("large/get", PLAIN);
  await settle();
  assert.equal(call.provider.memory.of(CALLER), 60 * MIB);
  assert.deepEqual(call.answers, Array(6).fill("Overloaded"));
  call.mesh.breakLink(caller, provider);
  await settle();
  assert.equal(call.provider.memory.usedBytes, 0);
});

Deno.test("ServiceRuntime does not read an event to which nobody listens, nor an advert of a member", async () => {
  await using call = new HostileCall();
  const event = (topic: string) => {
    const data = { ...COMPRESSED, plainBytes: MIB };
    const bytes = new NodeMessageEncoder().encode({
      kind: "event",
      topic,
      data,
      publishedAt: 1,
      groups: [],
      past: false,
      retain: false,
    });
    call.provider.handleMessage(CALLER, bytes);
  };
  event("x/y");
  assert.equal(call.compressor.inflated, 0);
  let heard = 0;
  call.provider.subscribe("x/*", () => void heard++);
  event("x/y");
  await settle();
  assert.deepEqual([call.compressor.inflated, heard], [1, 1]);
  assert.equal(call.provider.memory.usedBytes, 0);
  const advert = new NodeMessageEncoder().encode({ kind: "discovery", advert: call.provider.advert() });
  call.provider.handleMessage(CALLER, advert);
  assert.equal(call.provider.rejected, 1);
});

Deno.test("Subscription bounds the bytes that wait of one publisher, and gives them back", async () => {
  await using call = new HostileCall({ limits: { memory: { originBytes: 100_000, totalBytes: 400_000 } } });
  const { provider } = call;
  const bytes = new NodeMessageEncoder().encode({
    kind: "event",
    topic: "x/y",
    data: plain(Encoding.BINARY, new Uint8Array(9_488)),
    publishedAt: 1,
    groups: [],
    past: false,
    retain: false,
  });
  const slow = provider.subscribe("x/*", () => call.hold());
  for (let i = 0; i < 100; i++) provider.handleMessage(CALLER, bytes);
  assert.deepEqual([provider.memory.usedBytes, slow.dropped], [100_000, 89]);
  slow.unsubscribe();
  assert.equal(provider.memory.usedBytes, 0);
  const stream = provider.on("x/*");
  for (let i = 0; i < 20; i++) provider.handleMessage(CALLER, bytes);
  assert.deepEqual([provider.memory.usedBytes, stream.dropped], [100_000, 10]);
  await stream.next();
  assert.equal(provider.memory.usedBytes, 90_000);
  await stream.return?.();
  assert.equal(provider.memory.usedBytes, 0);
});

Deno.test("ProgramGateway counts what a program has its agent hold", async () => {
  const { mesh, agent, other, program } = await attached();
  await using _ = mesh;
  const held: (() => void)[] = [];
  await other.runtime.addService({
    path: "slow",
    actions: { do: () => new Promise((resolve) => void held.push(() => resolve(1))) },
  });
  await settle();
  const calls = Array.from({ length: 5 }, () => program.runtime.request("slow/do", new Uint8Array(8 * MIB)));
  await mesh.run(50);
  assert.equal(agent.runtime.memory.of(program.id), 40 * MIB);
  assert.equal(other.runtime.memory.of(agent.id), 40 * MIB);
  for (const go of held) go();
  await mesh.until(Promise.all(calls));
  assert.deepEqual([agent.runtime.memory.usedBytes, other.runtime.memory.usedBytes], [0, 0]);
});
