import assert from "node:assert/strict";
import { DataMesh } from "../testing/data_mesh.ts";

const HOUR_MS = 3_600_000;
type Count = { readonly id: string; readonly n: number };

Deno.test("clocks that jump by hours, back and forth, lose no write, message or transaction, and hold up nothing", async () => {
  await using data = new DataMesh();
  const { mesh } = data;
  // All of the mesh's hosts at once: owners, those that follow, and programs.
  const wall = mesh.clock.wall.bind(mesh.clock);
  let shiftMs = 0;
  mesh.clock.wall = () => (wall() + shiftMs) as ReturnType<typeof wall>;
  const [a, b] = [await data.add("a"), await data.add("b")];
  const counts = await mesh.until(a.client.collection<Count>("counts", { key: "id" }));
  await mesh.until(a.client.collection("spread", { key: "id", shards: { count: 2, replicas: 1 } }));
  const far = await mesh.until(b.client.collection<Count>("counts", { key: "id" }));
  const spread = await mesh.until(b.client.collection<Count>("spread", { key: "id" }));
  const jobs = await mesh.until(a.client.queue<string>("jobs", { leaseMs: 2_000 }));
  await mesh.until(counts.put({ id: "all", n: 0 }));
  using copy = await mesh.until(far.copy({ maxAgeMs: 2_000 }));
  const watch = far.watch();
  await mesh.until(watch.ready);
  const told: number[] = [];
  const watching = (async () => {
    for await (const { value } of watch) told.push((value as Count).n);
  })();
  const handled: string[] = [];
  const worker = jobs.work(({ value }) => void handled.push(value));
  const jumps = [5, -9, 24, -48, 0].map((hours) => hours * HOUR_MS);
  for (const [i, jump] of jumps.entries()) {
    const before = mesh.clock.now();
    await mesh.until(jobs.push(`late-${i}`, { delayMs: 1_500 }));
    const moved = b.client.transaction(async (tx) => {
      const now = await tx.get(far, "all");
      shiftMs = jump;
      assert.ok(copy.age >= 0 && copy.age < 2_000, `a copy is ${copy.age} ms old`);
      await tx.put(far, { id: "all", n: (now?.n ?? 0) + 1 });
    }, { id: `move-${i}`, timeoutMs: 2_000 });
    await mesh.until(moved);
    await mesh.until(spread.put({ id: `${i}`, n: i }));
    await mesh.until(jobs.push(`${i}`));
    await mesh.until(copy.refresh());
    assert.deepEqual([copy.get("all")?.n, copy.age < 2_000], [i + 1, true]);
    assert.ok(
      mesh.clock.now() - before < 15_000,
      `${jump} ms held it up for ${mesh.clock.now() - before} ms`,
    );
    assert.ok(!handled.includes(`late-${i}`), `what is delayed is not early by ${jump} ms`);
    await mesh.advance(3_000);
    assert.ok(handled.includes(`late-${i}`), `what was delayed comes after ${jump} ms`);
  }
  assert.deepEqual(handled.toSorted(), jumps.flatMap((_, i) => [`${i}`, `late-${i}`]).toSorted());
  assert.deepEqual(told, jumps.map((_, i) => i + 1));
  for (const i of jumps.keys()) assert.equal((await mesh.until(spread.get(`${i}`)))?.n, i);
  await mesh.until(worker[Symbol.asyncDispose]());
  watch.close();
  await mesh.until(watching);
});
