/**
 * How a program describes a service, whose types reach its callers, and what its handlers are given.
 * @module
 */

import type { CallContext, EventContext } from "./call_context.ts";
import { InvalidServiceError } from "./errors.ts";
import type { Middleware } from "./middleware_chain.ts";
import type { ServiceRequirement } from "./options.ts";
import type { Schema } from "./schema.ts";
import type { ServiceEvent } from "./service_event.ts";

/** Serves an action. What it returns, or what its promise gives, is the answer; a stream is sent as one. */
export type ActionHandler<Params = never, Result = unknown> = (
  params: Params,
  context: CallContext,
) => Result;

/**
 * An action with more than a handler. A schema may convert: callers give its input, the handler gets its output, and of
 * the result the other way round.
 */
export interface ActionDefinition<Params = never, Result = unknown, Input = unknown, Output = unknown> {
  /** Serves the calls. */
  readonly handler: ActionHandler<Params, Result>;
  /** Checks and types the parameters. */
  readonly params?: Schema<Input, Params> | undefined;
  /** Checks and types what the handler answers; not for streams. */
  readonly result?: Schema<unknown, Output> | undefined;
  /** Whether running it twice does no harm: then it is tried again after a lost link. */
  readonly idempotent?: boolean;
  /** How many calls run at the same time; by default as many as the service allows. */
  readonly concurrency?: number;
  /** Who may call it beside those whom the service allows: a selector such as `role=web`. */
  readonly allow?: string;
  /** What its calls go through, behind that of the service; the first one is outermost. */
  readonly middleware?: readonly Middleware[];
}

/** An action, whatever its parameters are. */
export type AnyActionDefinition = Omit<ActionDefinition, "params"> & {
  /** Checks and types the parameters. */
  readonly params?: Schema | undefined;
};

/** Handles events of one subscription. One that throws, or whose promise rejects, is counted and hurts nobody else. */
export type EventHandler<Data = unknown> = (event: ServiceEvent<Data>, context: EventContext) => unknown;

/** An event that the service publishes under `path/name`. */
export interface EventDefinition {
  /** Checks, converts and types the data where they are published by a program that offers the service. */
  readonly schema?: Schema;
  /** Whether the last one is kept unless its publisher says something else. */
  readonly retain?: boolean;
  /** On how many other nodes the last one is kept, too, unless its publisher says something else. */
  readonly replicas?: number;
}

/** What runs when a service changes its state. */
export interface ServiceHooks {
  /** Before it runs for the first time. */
  init?(): void | Promise<void>;
  /** Before it runs. */
  start?(): void | Promise<void>;
  /** When this node begins or ceases to lead it; only with mode `leader`. */
  lead?(isLeader: boolean): void;
  /** After it has stopped. */
  stop?(): void | Promise<void>;
}

/** A service. */
export interface ServiceDefinition extends ServiceHooks {
  /** One or more segments, such as `math` or `orders/eu`; with `network:` before it in another network of topics. */
  readonly path: string;
  /** At most 64 letters, digits, and any of `. + _ -`, such as `1.4.0`. */
  readonly version?: string;
  /** One printable line of at most 255 characters. */
  readonly description?: string;
  /** What can be called, by name: handlers, or definitions with more than a handler. */
  readonly actions?: Readonly<Record<string, ActionHandler | AnyActionDefinition>>;
  /** What it publishes, by name. */
  readonly events?: Readonly<Record<string, EventDefinition>>;
  /** What it listens to, by pattern. Where several match, an event with `one_per_service` goes to one of them. */
  readonly subscriptions?: Readonly<Record<string, EventHandler>>;
  /** Who may call it: a selector such as `role=web`. Every member by default. */
  readonly allow?: string;
  /** Whether one of its nodes leads it, and calls go there. */
  readonly mode?: "leader";
  /**
   * Services that it needs: it starts, and listens, when somebody runs each of them. Services that need each other never
   * start.
   */
  readonly dependencies?: readonly ServiceRequirement[];
  /** How long they are waited for before adding it fails, in milliseconds; 60,000 unless given. */
  readonly dependencyTimeoutMs?: number;
  /** What its calls and events go through, behind that of the node; the first one is outermost. */
  readonly middleware?: readonly Middleware[];
  /** How many calls run at the same time, 256 by default. */
  readonly concurrency?: number;
  /** How many more wait, 1,024 by default; further ones fail with `Overloaded`. */
  readonly queue?: number;
  /** A port of the node's address for SRV records. */
  readonly port?: number;
  /** The protocol of the port, such as `http`, or `dns/udp`; the service's own name over TCP by default. */
  readonly protocol?: string;
}

/** A handler, whatever it takes. */
export type AnyHandler = (params: never, context: never) => unknown;
/** The handler of an action. */
export type HandlerOf<A> = A extends AnyHandler ? A
  : A extends { readonly handler: infer H extends AnyHandler } ? H
  : never;

/** The names of a service's actions. */
export type ActionName<Service extends ServiceDefinition> = keyof Service["actions"] & string;
/** The names of a service's events. */
export type EventName<Service extends ServiceDefinition> = keyof Service["events"] & string;

/** An action of a service, as it was defined. */
export type ActionOf<Service extends ServiceDefinition, Name extends ActionName<Service>> = NonNullable<
  Service["actions"]
>[Name];

/** A type that a schema says, unless it says none. */
export type SchemaType<Type, Else> = unknown extends Type ? Else : Type;

/** What the handler of an action is given. */
export type HandlerParamsOf<A> = Parameters<HandlerOf<A>> extends [infer Params, ...unknown[]] ? Params
  : undefined;

/** What an action takes: the input of its schema, where that says one, or what its handler is given. */
export type ParamsOf<Service extends ServiceDefinition, Name extends ActionName<Service>> =
  ActionOf<Service, Name> extends { readonly params?: Schema<infer Input, infer _> | undefined }
    ? SchemaType<Input, HandlerParamsOf<ActionOf<Service, Name>>>
    : HandlerParamsOf<ActionOf<Service, Name>>;

/** What the handler of an action answers with. */
export type HandlerResultOf<A> = Streamed<Awaited<ReturnType<HandlerOf<A>>>>;

/** What an action answers with: the output of its schema, or what its handler returns, streams as `ReadableStream`. */
export type ResultOf<Service extends ServiceDefinition, Name extends ActionName<Service>> =
  ActionOf<Service, Name> extends { readonly result?: Schema<infer _, infer Output> | undefined }
    ? SchemaType<Output, HandlerResultOf<ActionOf<Service, Name>>>
    : HandlerResultOf<ActionOf<Service, Name>>;

/** What a caller gets of a result: what is streamed comes as a `ReadableStream`. */
export type Streamed<Result> = Result extends ReadableStream<infer Item> ? ReadableStream<Item>
  : Result extends AsyncIterable<infer Item> ? ReadableStream<Item>
  : Result;

/** What is published as an event: the input of its schema, where that says one. */
export type EventInputOf<Service extends ServiceDefinition, Name extends EventName<Service>> =
  NonNullable<Service["events"]>[Name] extends { readonly schema: Schema<infer Input, infer Data> }
    ? SchemaType<Input, Data>
    : unknown;

/** What an event carries. */
export type EventOf<Service extends ServiceDefinition, Name extends EventName<Service>> =
  NonNullable<Service["events"]>[Name] extends { readonly schema: Schema<unknown, infer Data> } ? Data
    : unknown;

/**
 * Names a service, so that its type can be handed to callers.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { defineService, type ParamsOf } from "./service_definition.ts";
 * const math = defineService({
 *   path: "math",
 *   actions: { add: ({ a, b }: { a: number; b: number }) => a + b },
 * });
 * const params: ParamsOf<typeof math, "add"> = { a: 1, b: 2 };
 * assert.equal(params.a, 1);
 * ```
 */
export function defineService<const Service extends ServiceDefinition>(service: Service): Service {
  return service;
}

/**
 * An action whose handler gets the parameters' type from their schema.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { z } from "zod";
 * import { action } from "./service_definition.ts";
 * const add = action({
 *   params: z.object({ a: z.number(), b: z.number() }),
 *   handler: ({ a, b }) => a + b,
 *   idempotent: true,
 * });
 * assert.equal(add.idempotent, true);
 * ```
 */
export function action<Params, Result, Input = unknown, Output = unknown>(
  definition: ActionDefinition<Params, Result, Input, Output>,
): ActionDefinition<Params, Result, Input, Output> {
  return definition;
}

/** @returns the number, or a default @throws InvalidServiceError when it is no whole number from `least` on */
export function readCount(value: number | undefined, unless: number, least: number, what: string): number {
  if (value === undefined) return unless;
  if (Number.isInteger(value) && value >= least) return value;
  throw new InvalidServiceError(`Cannot take ${value} for ${what}: it is a whole number from ${least} on`);
}
