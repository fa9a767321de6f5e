/**
 * One operation: how it is asked, and what its request and answer hold.
 * @module
 */

import type { AgentControl } from "./control.ts";
import type { Lazy, LazyObject, LazyShape } from "./json_schema.ts";

/** The media type of an answer in lines. */
export const NDJSON_TYPE = "application/x-ndjson";
/** The media type of server-sent events. */
export const EVENTS_TYPE = "text/event-stream";

/** The name of an operation, which is the method's. */
export type OperationName = keyof AgentControl;

type Arguments<Name extends OperationName> = Parameters<AgentControl[Name]>;
type Returned<Name extends OperationName> = Awaited<ReturnType<AgentControl[Name]>>;
/** Of a stream its items; of nothing the word that it is done. */
type Said<T> = T extends AsyncIterable<infer Item> ? Item : [T] extends [void] ? true : T;

/** How an operation is asked, and what its request and answer hold. */
export interface Operation<Name extends OperationName = OperationName> {
  /** What stands in braces is a field of the request; the others are in the body of a POST, else in the query. */
  readonly route: `${"GET" | "POST" | "DELETE"} /${string}`;
  readonly summary: string;
  /** Whether it is answered over TCP too: it changes nothing, and speaks in nobody's name. */
  readonly isPublic?: boolean;
  /** Absent when there is nothing to say. */
  readonly request?: Arguments<Name>[0] extends object ? LazyObject<Arguments<Name>[0]> : LazyShape<unknown>;
  /** The request's fields that the method takes one by one, in this order; absent when it takes the request as a whole. */
  readonly parameters?: readonly string[];
  /** Whether the request carries a value of a service, which may be large. */
  readonly carriesValue?: boolean;
  readonly answer: Lazy<Said<Returned<Name>>> & Pick<LazyObject<Said<Returned<Name>>>, "keys">;
  /** The property under which the answer stands in an object of its own. */
  readonly answerKey?: string;
  /** Whether the answer comes in lines: one after the other until the reader goes, or when the handler streams. */
  readonly lines?: "always" | "sometimes";
}
