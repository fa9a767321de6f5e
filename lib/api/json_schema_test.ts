import assert from "node:assert/strict";
import * as z from "zod";
import { jsonSchemas, type LazyObject, named, object } from "./json_schema.ts";

interface Sample {
  readonly name: string;
  readonly age?: number;
}

Deno.test("LazyObject does not compile when a schema and its type differ", () => {
  const [name, age] = [z.string(), z.number()];
  const same: LazyObject<Sample> = object(() => ({ name, age: age.exactOptional() }));
  assert.equal(same().safeParse({ name: "a" }).success, true);
  // @ts-expect-error -- a property is missing
  const _1: LazyObject<Sample> = object(() => ({ age: age.exactOptional() }));
  // @ts-expect-error -- an optional property is missing
  const _2: LazyObject<Sample> = object(() => ({ name }));
  // @ts-expect-error -- one is of another type
  const _3: LazyObject<Sample> = object(() => ({ name: age, age: age.exactOptional() }));
  // @ts-expect-error -- one that may be absent must be there
  const _4: LazyObject<Sample> = object(() => ({ name, age }));
  // @ts-expect-error -- one that must be there may be absent
  const _5: LazyObject<Sample> = object(() => ({ name: name.exactOptional(), age: age.exactOptional() }));
  // @ts-expect-error -- the type has no such property
  const _6: LazyObject<Sample> = object(() => ({ name, age: age.exactOptional(), other: name }));
});

Deno.test("jsonSchemas() refers to what has a name, and writes out what has none", () => {
  const sample = named("JsonSchemaSample", () => ({
    name: z.string(),
    age: z.number().exactOptional(),
  }), "A sample");
  const list = () => z.array(sample());
  const schemas = jsonSchemas([sample, list]);
  const ref = { $ref: "#/components/schemas/JsonSchemaSample" };
  assert.deepEqual(schemas.of(sample), ref);
  assert.deepEqual(schemas.of(list), { type: "array", items: ref });
  assert.deepEqual(schemas.components.JsonSchemaSample, {
    type: "object",
    properties: { name: { type: "string" }, age: { type: "number" } },
    required: ["name"],
    additionalProperties: false,
    description: "A sample",
  });
});
