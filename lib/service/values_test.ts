/** Values are the same wherever they go. */
import assert from "node:assert/strict";
import type { ServiceRuntime } from "./mod.ts";
import { attached } from "./testing/memory_mesh.ts";
import { failureOf, readAll } from "./testing/outcome.ts";
import { SAMPLE_BUFFERS } from "./testing/sample_buffers.ts";
import { nested, REFUSED_VALUES, SAMPLE_VALUES } from "./testing/sample_values.ts";

const CARRIED = [...SAMPLE_VALUES, ...SAMPLE_BUFFERS];

/** A node, another one, and a program of the first, which offer the same; the value of each case is what they answer. */
async function world() {
  const { mesh, agent, other, program } = await attached();
  const got: unknown[] = [];
  let make: () => unknown = () => undefined;
  const offer = (runtime: ServiceRuntime, path: string) =>
    runtime.addService({
      path,
      actions: {
        take: (params: unknown) => void got.push(params),
        give: () => make(),
        stream: async function* () {
          yield await Promise.resolve(make());
        },
        collect: async (_: unknown, { stream }) => void got.push(...await readAll(stream)),
      },
    });
  await Promise.all([
    offer(agent.runtime, "at/agent"),
    offer(other.runtime, "at/other"),
    offer(program.runtime, "at/program"),
  ]);
  await mesh.run(20);
  const ways: readonly (readonly [string, ServiceRuntime, string])[] = [
    ["a node to itself", agent.runtime, "at/agent"],
    ["a node to another", agent.runtime, "at/other"],
    ["a node to its program", agent.runtime, "at/program"],
    ["a program to itself", program.runtime, "at/program"],
    ["a program to its agent", program.runtime, "at/agent"],
    ["a program to another node", program.runtime, "at/other"],
    ["a node to another's program", other.runtime, "at/program"],
  ];
  return {
    mesh,
    agent,
    other,
    program,
    got,
    ways,
    answer: (value: () => unknown) => void (make = value),
    take: () => got.splice(0),
  };
}

/** Node's own comparison takes an object without a prototype, -0 and NaN for what they are. */
function same(actual: unknown, expected: unknown, what: string): void {
  assert.deepStrictEqual(actual, expected, what);
}

Deno.test("values are the same as parameters, results and items, here and elsewhere", async (t) => {
  const { mesh, ways, answer, take } = await world();
  await using _ = mesh;
  for (const [way, caller, path] of ways) {
    await t.step(way, async () => {
      for (const { what, value, becomes = value } of CARRIED) {
        answer(value);
        await mesh.until(caller.request(`${path}/take`, value()));
        same(take(), [becomes()], `${what}, parameters`);
        same(await mesh.until(caller.request(`${path}/give`)), becomes(), `${what}, result`);
        if (what.startsWith("many bytes")) continue; // An item holds 1 MiB.
        const items = await mesh.until(caller.request(`${path}/stream`));
        same(await mesh.until(readAll(items)), [becomes()], `${what}, item of a result`);
        const stream = ReadableStream.from([value()]);
        await mesh.until(caller.request(`${path}/collect`, null, { stream }));
        same(take(), [becomes()], `${what}, item of parameters`);
      }
    });
  }
});

Deno.test("values that can't be sent are refused alike, here and elsewhere, with where in them that is", async (t) => {
  const { mesh, ways, answer, take } = await world();
  await using _ = mesh;
  for (const [i, [way, caller, path]] of ways.entries()) {
    await t.step(way, async () => {
      for (const { what, value, says, isTooLarge = false } of REFUSED_VALUES) {
        // To make such values takes long; here and elsewhere are the first two ways.
        if (isTooLarge && i > 1) continue;
        answer(value);
        const params = await mesh.until(failureOf(caller.request(`${path}/take`, value(), { retries: 0 })));
        assert.equal(params.code, isTooLarge ? "PayloadTooLarge" : "InvalidParams", what);
        assert.match(params.message, says, what);
        assert.deepEqual([params.executed, params.path], [false, `${path}/take`], what);
        const result = await mesh.until(failureOf(caller.request(`${path}/give`, null, { retries: 0 })));
        assert.equal(result.code, isTooLarge ? "PayloadTooLarge" : "InvalidResult", what);
        assert.match(result.message, says, what);
        assert.deepEqual([result.executed, result.path], [true, `${path}/give`], what);
        if (isTooLarge) continue; // Items have bounds of their own.
        const items = await mesh.until(caller.request(`${path}/stream`));
        const item = await mesh.until(failureOf(readAll(items)));
        assert.deepEqual([item.code, says.test(item.message)], ["InvalidResult", true], what);
      }
      assert.deepEqual(take(), []);
    });
  }
});

Deno.test("values of events are the same for every subscriber, and those of each its own", async () => {
  const { mesh, agent, other, program } = await world();
  await using _ = mesh;
  const got: [string, unknown][] = [];
  for (const [name, { runtime }] of Object.entries({ agent, other, program })) {
    for (const i of [1, 2]) {
      runtime.subscribe("news/*", ({ data }) => {
        got.push([`${name} ${i}`, structuredClone(data)]);
        // What one does to its own is nothing to the others.
        if (data instanceof Map || data instanceof Set) data.clear();
        else if (ArrayBuffer.isView(data)) new Uint8Array(data.buffer).fill(9);
        else if (Array.isArray(data)) data.length = 0;
        else if (typeof data === "object" && data !== null) {
          for (const key of Object.keys(data)) delete (data as Record<string, unknown>)[key];
        }
      });
    }
  }
  await mesh.run(20);
  const everybody = ["agent 1", "agent 2", "other 1", "other 2", "program 1", "program 2"];
  for (const publisher of [agent, other, program]) {
    for (const { what, value, becomes = value } of CARRIED) {
      const data = value();
      await mesh.until(publisher.runtime.publish("news/now", data));
      await mesh.run(10);
      same(got.map(([who]) => who).sort(), everybody, what);
      for (const [who, data] of got.splice(0)) same(data, structuredClone(becomes()), `${what}, at ${who}`);
      same(data, value(), `${what}, at its publisher`);
    }
    for (const { what, value, says, isTooLarge } of REFUSED_VALUES) {
      const error = await failureOf(publisher.runtime.publish("news/now", value()));
      assert.equal(error.code, isTooLarge ? "PayloadTooLarge" : "InvalidParams", what);
      assert.match(error.message, says, what);
    }
  }
  await mesh.run(10);
  assert.deepEqual(got, []);
});

Deno.test("values of retained events are the same for whoever subscribes later", async () => {
  const { mesh, agent, other, program } = await world();
  await using _ = mesh;
  for (const publisher of [agent, program]) {
    for (const { what, value, becomes = value } of CARRIED) {
      await mesh.until(publisher.runtime.publish("state/now", value(), { retain: true }));
      await mesh.run(10);
      for (const { runtime } of [agent, other, program]) {
        const got: unknown[] = [];
        const handle = runtime.subscribe("state/*", ({ data }) => void got.push(data), { includePast: true });
        await mesh.run(20);
        handle.unsubscribe();
        // Undefined is what takes a retained event back.
        same(got, value() === undefined ? [] : [becomes()], what);
      }
    }
  }
});

Deno.test("a handler and its caller share nothing that either can change", async () => {
  const { mesh, ways, answer } = await world();
  await using _ = mesh;
  const state = { list: [1], at: new Date(0), map: new Map([["a", [1]]]), data: Uint8Array.of(1) };
  const before = structuredClone(state);
  const change = (value: typeof state) => {
    value.list.push(2);
    value.at.setTime(5);
    value.map.get("a")?.push(2);
    value.data.fill(9);
  };
  answer(() => state);
  for (const [way, caller, path] of ways) {
    const got = await mesh.until(caller.request<typeof state>(`${path}/give`));
    change(got);
    same(state, before, way);
    const plain = { list: [1] };
    const params = mesh.until(caller.request(`${path}/take`, plain));
    plain.list.push(2);
    await params;
  }
});

Deno.test("values that share parts are bounded by what they would be when sent", async () => {
  const { mesh, agent } = await world();
  await using _ = mesh;
  const wide = nested(18, (inner) => [inner, inner]);
  for (const path of ["at/agent", "at/other"]) {
    await mesh.until(agent.runtime.request(`${path}/take`, wide));
    const wider = nested(20, (inner) => [inner, inner]);
    const error = await mesh.until(failureOf(agent.runtime.request(`${path}/take`, wider)));
    assert.equal(error.code, "PayloadTooLarge");
  }
});
