import assert from "node:assert/strict";
import * as z from "zod";
import { ALL_RIGHTS } from "../../test_mesh/mod.ts";
import type { Document } from "../engine.ts";
import { fails } from "../testing/conformance.ts";
import { DataMesh } from "../testing/data_mesh.ts";

const First = z.object({ id: z.number(), cents: z.number() });
type First = z.infer<typeof First>;
const Second = z.object({ id: z.number(), euros: z.number() });
type Second = z.infer<typeof Second>;
const FIRST = { key: "id", schema: First } as const;
const SECOND = { key: "id", schema: Second, version: 2 } as const;

const toEuros = ({ id, cents }: Document): Document => ({ id: id ?? 0, euros: Number(cents) / 100 });

Deno.test("a schema is kept as JSON Schema, and what a former one has written is migrated, once", async () => {
  await using data = new DataMesh();
  const { mesh } = data;
  const [east, west] = [await data.add("east"), await data.add("west")];
  const old = await mesh.until(east.client.collection<First>("prices", FIRST));
  const { schema } = await mesh.until(old.describe());
  assert.equal(schema?.version, 1);
  assert.equal(
    (schema?.jsonSchema as { properties: { cents: { type: string } } }).properties.cents.type,
    "number",
  );
  for (let id = 1; id <= 5; id++) await mesh.until(old.put({ id, cents: 100 * id }));

  const asked: [number, number][] = [];
  const migrate = (value: Document, version: number) => {
    asked.push([Number(value["id"]), version]);
    return toEuros(value);
  };
  // From another node; nobody else has the new schema.
  const now = await mesh.until(west.client.collection<Second>("prices", { ...SECOND, migrate }));
  assert.deepEqual(
    asked,
    [1, 2, 3, 4, 5].flatMap((id) => [[id, 1], [id, 1]]),
    "when listed, and when rewritten",
  );
  assert.deepEqual(await mesh.until(now.get(3)), { id: 3, euros: 3 });
  assert.deepEqual(await mesh.until(now.query("select euros from prices where id = 5")), [{ euros: 5 }]);
  assert.deepEqual((await mesh.until(now.describe())).schema?.history, [{ version: 2, since: 0 }]);

  // Who knows the old one alone can't write any more, in whichever way.
  await fails("SchemaChanged", mesh.until(old.put({ id: 6, cents: 1 })));
  await fails("SchemaChanged", mesh.until(old.delete(1)));
  await fails("SchemaChanged", mesh.until(east.client.transaction((tx) => tx.put(old, { id: 6, cents: 1 }))));
  await fails("SchemaChanged", mesh.until(east.client.collection<First>("prices", FIRST)));
  await fails("SchemaChanged", mesh.until(west.client.collection<First>("prices", FIRST)));
  const changed = { ...SECOND, schema: z.object({ id: z.number(), euros: z.string() }) };
  await fails("SchemaChanged", mesh.until(east.client.collection("prices", changed)));
  asked.length = 0;
  const again = await mesh.until(east.client.collection<Second>("prices", { ...SECOND, migrate }));
  assert.deepEqual(asked, [], "nothing is old");
  await mesh.until(again.put({ id: 6, euros: 6 }));
  data.restart(east);
  await mesh.advance(10);
  assert.equal((await mesh.until(again.describe())).schema?.version, 2);
});

Deno.test("a migration that stopped in the middle goes on, and what is read meanwhile is as the new schema says", async () => {
  await using data = new DataMesh();
  const { mesh } = data;
  const { client } = await data.add("east");
  const old = await mesh.until(client.collection<First>("prices", FIRST));
  for (let id = 1; id <= 4; id++) await mesh.until(old.put({ id, cents: 100 * id }));
  let left = 3;
  const failing = (value: Document) => {
    if (left-- === 0) throw new RangeError("stopped");
    return toEuros(value);
  };
  await assert.rejects(
    mesh.until(client.collection<Second>("prices", { ...SECOND, migrate: failing })),
    RangeError,
  );
  await fails("SchemaChanged", mesh.until(old.put({ id: 9, cents: 1 })));
  // One that can't migrate sees what is there, and writes what is new.
  const plain = await mesh.until(client.collection<Second>("prices", SECOND));
  await mesh.until(plain.put({ id: 4, euros: 44 }));
  const asked: unknown[] = [];
  const migrate = (value: Document, version: number) => {
    asked.push(value["id"]);
    assert.equal(version, 1);
    return toEuros(value);
  };
  const now = await mesh.until(client.collection<Second>("prices", { ...SECOND, migrate }));
  assert.ok(!asked.includes(1) && !asked.includes(4) && asked.includes(2), `${asked}`);
  const values = await mesh.until(Array.fromAsync(now.list(), ({ value }) => value.euros));
  assert.deepEqual(values, [1, 2, 3, 44]);
  const third = z.object({ id: z.number(), euros: z.number(), tax: z.number() });
  const versions: number[] = [];
  const taxed = await mesh.until(
    client.collection<z.infer<typeof third>>("prices", {
      ...{ key: "id", schema: third, version: 3 },
      migrate: (value, version) => {
        versions.push(version);
        return { ...value as Second, tax: 0 };
      },
    }),
  );
  assert.deepEqual([...new Set(versions)], [2]);
  await mesh.until(client.transaction(async (tx) => {
    const one = await tx.get(taxed, 1);
    assert.deepEqual(one, { id: 1, euros: 1, tax: 0 });
  }));
});

Deno.test("a schema is changed by whom the whole collection is granted, and others go on by the one that is there", async () => {
  await using data = new DataMesh();
  const { mesh } = data;
  mesh.rights = {
    ...ALL_RIGHTS,
    mayPublish: (peer, topic) => peer !== "west" || topic.toString().startsWith("data:prices/1"),
  };
  const [east, west] = [await data.add("east"), await data.add("west")];
  await mesh.until(east.client.collection("prices", { key: "id" }));
  const far = await mesh.until(west.client.collection<First>("prices", FIRST));
  await mesh.until(far.put({ id: 1, cents: 1 }));
  assert.equal((await mesh.until(far.describe())).schema, undefined);
  await mesh.until(east.client.collection<First>("prices", FIRST));
  await mesh.until(west.client.collection<First>("prices", FIRST));
  await fails("Refused", mesh.until(west.client.collection<Second>("prices", SECOND)));
  const call = west.node.runtime.request("data/prices/put", { value: { id: 1 }, versions: { prices: "x" } });
  await assert.rejects(mesh.until(call));
});
