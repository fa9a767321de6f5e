/**
 * What JSON Schema says of a value as it is written: derived from the schemas by which options are read, and said beside
 * those that a function reads.
 * @module
 */

import * as z from "zod";

/** A schema of draft 2020-12, or a part of one. */
export type JsonForm = Readonly<Record<string, unknown>>;

/** @returns the form of a schema's input */
type FormOf = (schema: z.ZodType) => JsonForm;

const FORMS = new WeakMap<object, (formOf: FormOf) => JsonForm>();

/**
 * Says what is written of what a function reads, which nothing can be derived from.
 * @param form what is written, given what derives the forms of parts
 * @returns the same schema
 */
export function written<Schema extends z.ZodType>(
  schema: Schema,
  form: (formOf: FormOf) => JsonForm,
): Schema {
  FORMS.set(schema, form);
  return schema;
}

/** @returns what is written for a value that a schema reads */
export function jsonForm(schema: z.ZodType): JsonForm {
  const { $schema: _, ...form } = z.toJSONSchema(schema, {
    io: "input",
    unrepresentable: "any",
    override: ({ zodSchema, jsonSchema }) => {
      const said = saidOf(zodSchema)?.(jsonForm);
      if (said === undefined) return;
      for (const key of Object.keys(jsonSchema)) delete (jsonSchema as Record<string, unknown>)[key];
      Object.assign(jsonSchema, said);
    },
  });
  return form;
}

/** One that refuses more is a copy of the one that it was made of. */
function saidOf(schema: z.core.$ZodType): ((formOf: FormOf) => JsonForm) | undefined {
  for (let at: z.core.$ZodType | undefined = schema; at !== undefined; at = at._zod.parent) {
    const said = FORMS.get(at);
    if (said !== undefined) return said;
  }
  return undefined;
}
