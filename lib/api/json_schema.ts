/**
 * Schemas that are held against TypeScript's types by the compiler, and made when they are first needed: a command that
 * asks for one thing needs none of the others.
 * @module
 */

import * as z from "zod";

/** A schema of values that are `T`. */
export type Lazy<T> = () => z.ZodType<T>;

/** A schema of an object, whose properties are known by name. */
export type LazyShape<T> = () => z.ZodType<T> & { readonly shape: Readonly<Record<string, z.ZodType>> };

/** The same, of an object with exactly the properties of `T`, and the same ones optional. */
export type LazyObject<T> = LazyShape<T> & { readonly keys?: (key: Keys<T>) => Keys<T> };

/** The names of a type's properties, of optional ones with a question mark. */
type Keys<T> = {
  [K in keyof T & string]-?: Partial<Pick<T, K>> extends Pick<T, K> ? `${K}?` : K;
}[keyof T & string];

/** Those that descriptions refer to by name. */
const NAMED = new Map<z.ZodType, string>();

/** @returns a schema of an object that has these properties and no others */
export function object<S extends z.ZodRawShape>(shape: () => S): LazyObject<z.output<z.ZodObject<S>>> {
  return once(() => z.strictObject(shape()) as unknown as ReturnType<LazyObject<z.output<z.ZodObject<S>>>>);
}

/** The same, with a name and a sentence in descriptions. */
export function named<S extends z.ZodRawShape>(
  id: string,
  shape: () => S,
  description?: string,
): LazyObject<z.output<z.ZodObject<S>>> {
  const make = object(shape);
  return once(() => {
    const schema = description === undefined ? make() : make().describe(description);
    NAMED.set(schema, id);
    return schema;
  });
}

/** @returns a schema of a port of UDP or TCP */
export function port(least: 0 | 1): z.ZodInt {
  return z.int().min(least).max(65_535);
}

/** @returns a schema of what is so or not, in a body as JSON has it, and behind a path as 1 or 0 */
export function flag(): z.ZodType<boolean, boolean | string> {
  return z.union([
    z.boolean(),
    z.enum(["1", "true", "0", "false"]).transform((said) => /^(1|true)$/.test(said)),
  ]);
}

/** @returns the same or null: a key of an object is there all the same, whichever options types are checked with */
export function orNull<T>(schema: z.ZodType<T>): z.ZodType<T | null> {
  return schema.nullable();
}

/** @returns what `make` makes, which it does once */
function once<T extends object>(make: () => T): () => T {
  let made: T | undefined;
  return () => made ??= make();
}

/** A JSON Schema. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/**
 * @param all what a description needs
 * @returns `components`: the schemas that have a name, and `of`: what stands for one of `all` in the description, a
 *   reference to one of these or the schema itself
 */
export function jsonSchemas(
  all: Iterable<Lazy<unknown>>,
): { readonly components: JsonSchema; of(schema: Lazy<unknown>): JsonSchema } {
  const refTo = (id: string): string => `#/components/schemas/${id}`;
  const registry = z.registry<{ id: string }>();
  const ids = new Map<Lazy<unknown>, string>();
  for (const lazy of new Set(all)) {
    const schema = lazy();
    const id = NAMED.get(schema) ?? `schema ${ids.size}`;
    ids.set(lazy, id);
    if (!NAMED.has(schema)) registry.add(schema, { id });
  }
  for (const [schema, id] of NAMED) registry.add(schema, { id });
  const { schemas } = z.toJSONSchema(registry, { uri: refTo, io: "input" });
  const plain = (id: string): JsonSchema => {
    const { $schema: _, $id: __, ...schema } = schemas[id] ?? {};
    return schema;
  };
  const names = [...NAMED.values()];
  return {
    components: Object.fromEntries(names.map((name) => [name, plain(name)])),
    of: (lazy) => {
      const id = ids.get(lazy) ?? "";
      return names.includes(id) ? { $ref: refTo(id) } : plain(id);
    },
  };
}
