import assert from "node:assert/strict";
import { Validator } from "@seriousme/openapi-schema-validator";
import { SampleControl } from "../agent/testing/sample_control.ts";
import { controlApp, statusApp } from "./apps.ts";

interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: boolean | Schema;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly minimum?: number;
  readonly maximum?: number;
}

interface Description {
  readonly paths: Readonly<
    Record<string, Readonly<Record<string, { responses: Record<string, { content: Content }> }>>>
  >;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}
type Content = Readonly<Record<string, { readonly schema: Schema }>>;

/** As much of JSON Schema as the description uses. @throws AssertionError where `value` differs */
function assertFits(
  value: unknown,
  schema: Schema,
  all: Description["components"]["schemas"],
  at: string,
): void {
  if (schema.$ref !== undefined) {
    const named = all[schema.$ref.replace("#/components/schemas/", "")];
    assert(named, `${at}: ${schema.$ref} is described`);
    return assertFits(value, named, all, at);
  }
  if (schema.anyOf !== undefined) {
    const failures = schema.anyOf.map((one) => failureOf(() => assertFits(value, one, all, at)));
    return assert(failures.includes(undefined), `${at}: ${failures.join(", or ")}`);
  }
  if (schema.enum) assert(schema.enum.includes(value), `${at}: ${value}`);
  if ("const" in schema) assert.equal(value, schema.const, at);
  if (schema.minimum !== undefined && value !== null) assert(Number(value) >= schema.minimum, at);
  if (schema.maximum !== undefined && value !== null) assert(Number(value) <= schema.maximum, at);
  if (schema.type !== undefined) {
    assert([schema.type].flat().some((type) => isOf(type, value)), `${at}: ${value}`);
  }
  if (Array.isArray(value)) {
    for (const [i, item] of value.entries()) assertFits(item, schema.items ?? {}, all, `${at}[${i}]`);
  } else if (typeof value === "object" && value !== null) {
    for (const name of schema.required ?? []) assert(name in value, `${at}.${name} is missing`);
    for (const [name, item] of Object.entries(value)) {
      const inner = schema.properties?.[name] ?? schema.additionalProperties ?? {};
      assert(inner !== false, `${at}.${name} is not described`);
      assertFits(item, inner === true ? {} : inner, all, `${at}.${name}`);
    }
  }
}

function failureOf(check: () => void): unknown {
  try {
    check();
  } catch (error) {
    return error;
  }
}

function isOf(type: string, value: unknown): boolean {
  if (type === "integer") return Number.isInteger(value);
  if (type === "array") return Array.isArray(value);
  if (type === "null") return value === null;
  return typeof value === type && value !== null && !Array.isArray(value);
}

const control = new SampleControl();
const apps = { statusApp: statusApp({ control }), controlApp: controlApp({ control }) };
for (const [name, app] of Object.entries(apps)) {
  Deno.test(`openapi.json of ${name}() describes every route and its real answer`, async () => {
    const description: Description = await (await app.request("/openapi.json")).json();
    const routes = app.routes.filter(({ method, path }) => method !== "ALL" && path !== "/");
    const described = Object.entries(description.paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`)
    );
    const served = routes.map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, "{$1}")}`);
    assert.deepEqual(described.sort(), [...new Set(served)].sort());

    const bodies: Record<string, unknown> = {
      "/tokens": {},
      "/status/token": {},
      "/peers": { name: "phone", publicKey: "k" },
      "/ping": { peer: "web-1" },
      "/dns": { name: "db", type: "A", data: "10.200.0.9" },
      "/dns/query": { name: "web-1" },
      "/services/pause": { path: "math" },
      "/services/resume": { path: "math", node: "web-1" },
      "/call": { path: "math/add", params: { a: 1, b: 2 } },
      "/publish": { topic: "orders/placed" },
      "/offer": { port: 80 },
      "/members/labels": { node: "web-1", set: { role: "web" } },
      "/members/name": { node: "web-1", name: "web" },
      "/members/address": { node: "web-1", address: "10.200.1.7" },
      "/members/grants": { node: "web-1", add: { offer: ["orders"] } },
      "/grants": { claims: false },
      "/joins": { who: "web-2" },
      "/leave": {},
      "/netcheck": {},
      "/members/prune": { awayMs: 30 * 86_400_000, dryRun: true },
    };
    for (const { method, path } of routes) {
      // Some answers last until their reader goes.
      const signal = AbortSignal.timeout(50);
      const init = method === "POST"
        ? { method, signal, body: JSON.stringify(bodies[path]) }
        : { method, signal };
      const query = path === "/subscribe" ? "?pattern=orders/%3E" : "";
      const answer = await app.request(
        path.replace(":id", "t1").replace(":peer", "web-1").replace(":name", "db").replace(":who", "web-2") +
          query,
        init,
      );
      const operation = description.paths[path.replace(/:(\w+)/g, "{$1}")]?.[method.toLowerCase()];
      const content = (operation?.responses[answer.status] ?? operation?.responses.default)?.content ?? {};
      const type = (answer.headers.get("content-type") ?? "").split(";")[0] ?? "";
      const schema = content[type]?.schema;
      assert(schema, `${method} ${path} answers with ${type}`);
      const value = type === "application/json" ? await answer.json() : await answer.text();
      assertFits(value, schema, description.components.schemas, `${method} ${path}`);
    }
  });
}

for (const [name, app] of Object.entries(apps)) {
  Deno.test(`openapi.json of ${name}() is valid OpenAPI 3.1 by the schema of its makers`, async () => {
    const description = await (await app.request("/openapi.json")).json();
    const validator = new Validator();
    const { valid, errors } = await validator.validate(description);
    assert(valid, JSON.stringify(errors));
    assert.equal(validator.version, "3.1");
    description.paths["/status"].get.responses = {};
    assert.equal((await new Validator().validate(description)).valid, false, "it finds what is not");
  });
}

Deno.test("the check of the description finds what does not fit", () => {
  const schema = {
    type: "object",
    required: ["a"],
    additionalProperties: false,
    properties: { a: { type: "integer" } },
  };
  assertFits({ a: 1 }, schema, {}, "");
  for (const wrong of [{}, { a: "1" }, { a: 1, b: 2 }, [], null]) {
    assert.throws(() => assertFits(wrong, schema, {}, ""));
  }
});
