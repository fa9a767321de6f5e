/**
 * Requests between a method's arguments and HTTP, and the one check that they pass wherever they come from.
 * @module
 */

import type { AgentControl } from "./control.ts";
import { InvalidRequestError } from "./errors.ts";
import type { Operation, OperationName } from "./operation.ts";
import { OPERATION_ENTRIES, OPERATIONS } from "./operations.ts";

/** A request by the names of its fields. */
export type RequestFields = Readonly<Record<string, unknown>>;

/**
 * Has an operation done.
 * @param request whatever was sent
 * @param signal ends an answer that comes in lines
 * @throws InvalidRequestError when the request is not as the table says, and what the operation throws
 */
export function invoke(
  control: AgentControl,
  name: OperationName,
  request: unknown,
  signal: AbortSignal | undefined,
): unknown {
  const operation: Operation = OPERATIONS[name] as Operation;
  const method = control[name] as (...args: readonly unknown[]) => unknown;
  const args = argumentsOf(operation, readRequest(operation, request));
  return method.call(control, ...args, ...operation.lines === undefined ? [] : [signal]);
}

/** @returns the same operations, each of which refuses requests that are not as the table says */
export function checkedControl(control: AgentControl): AgentControl {
  const methods = OPERATION_ENTRIES.map(([name, operation]) => {
    const method = (...args: readonly unknown[]) =>
      invoke(control, name, requestOf(operation, args), args.find((arg) => arg instanceof AbortSignal));
    return [name, method];
  });
  return Object.fromEntries(methods);
}

/** @returns the request that a method's arguments stand for */
export function requestOf({ request, parameters }: Operation, args: readonly unknown[]): unknown {
  if (request === undefined) return {};
  // Whoever may leave every field out may leave the request out.
  if (parameters === undefined) return args[0] === undefined ? {} : args[0];
  const fields = parameters.map((name, i) => [name, args[i]] as const);
  return Object.fromEntries(fields.filter(([, value]) => value !== undefined));
}

/** @returns the method, path and query by which an operation is asked, and the body of a POST */
export function httpRequest(
  { route, request }: Operation,
  fields: RequestFields,
): { readonly method: string; readonly path: string; readonly body?: RequestFields } {
  const [method = "", path = ""] = route.split(" ");
  const filled = path.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(String(fields[name])));
  if (request === undefined) return { method, path: filled };
  if (method === "POST") return { method, path: filled, body: fields };
  const rest = Object.entries(fields).filter(([name, value]) =>
    !path.includes(`{${name}}`) && value !== undefined && value !== false
  );
  const query = new URLSearchParams(rest.map(([name, value]) => [name, value === true ? "1" : `${value}`]));
  return { method, path: rest.length === 0 ? filled : `${filled}?${query}` };
}

/** @returns what a path and a query say of an operation's request; what it does not know is left out */
export function queriedFields({ request }: Operation, said: Readonly<Record<string, string>>): RequestFields {
  const known = Object.keys(request?.().shape ?? {});
  return Object.fromEntries(Object.entries(said).filter(([name]) => known.includes(name)));
}

/**
 * @returns the request with what it leaves out
 * @throws InvalidRequestError that names the field, and repeats nothing of it
 */
export function readRequest({ request }: Pick<Operation, "request">, given: unknown): RequestFields {
  if (request === undefined) return {};
  const result = request().safeParse(given);
  if (result.success) return result.data as RequestFields;
  const [issue] = result.error.issues;
  const where = issue === undefined || issue.path.length === 0 ? "the body" : issue.path.join(".");
  // The issue's words may quote what was sent; secrets are sent here.
  const why = issue === undefined ? "" : ` (${issue.code.replaceAll("_", " ")})`;
  throw new InvalidRequestError(`Cannot read the request: ${where} is not as documented${why}`);
}

function argumentsOf({ request, parameters }: Operation, fields: RequestFields): readonly unknown[] {
  if (request === undefined) return [];
  return parameters === undefined ? [fields] : parameters.map((name) => fields[name]);
}
