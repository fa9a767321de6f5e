/**
 * Schemas of values, by the convention of Standard Schema: zod's, Valibot's, ArkType's and others are such.
 * @module
 */

/** The part of a Standard Schema (version 1) that is used here. */
export interface Schema<Input = unknown, Output = Input> {
  /** The convention's only property. */
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

/** What a schema says of a value. */
export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

/** One thing that is wrong with a value. */
export interface SchemaIssue {
  /** One sentence. */
  readonly message: string;
  /** Where in the value, from the outside in. */
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

const SHOWN_ISSUES = 4;

/** @returns the issues in one line, with where they are */
export function describeIssues(issues: readonly SchemaIssue[]): string {
  const shown = issues.slice(0, SHOWN_ISSUES).map(({ message, path = [] }) => {
    const where = path.map((part) => String(typeof part === "object" ? part.key : part)).join(".");
    return where === "" ? message : `${where}: ${message}`;
  });
  const more = issues.length - shown.length;
  return shown.join("; ") + (more > 0 ? `; and ${more} more` : "");
}

/** @returns what the schema makes of a value, or what is wrong with it in one line; a schema that throws has failed, too */
export async function validate(
  schema: Schema,
  value: unknown,
): Promise<{ readonly issues: string } | { readonly value: unknown }> {
  try {
    const checked = await schema["~standard"].validate(value);
    if (checked.issues !== undefined) return { issues: describeIssues(checked.issues) };
    return { value: (checked as { readonly value: unknown }).value };
  } catch {
    return { issues: "the schema has failed" };
  }
}
