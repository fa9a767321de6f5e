/**
 * Middleware: what calls and events go through on their way out of a program, and on their way to its handlers.
 *
 * ```
 *   client ▶ node ▶ message … message ▶ node ▶ service ▶ action ▶ schema of the parameters ▶ handler
 *     `request`, `publish`                    `action`, `event`
 * ```
 *
 * Of each list the first one is outermost: it sees a call first, and its answer last.
 *
 * @module
 */

import type { Environment } from "../base/mod.ts";
import type { CallContext, EventContext } from "./call_context.ts";
import type { CallOptions, PropagationOptions, PublishOptions, PublishReport } from "./options.ts";
import type { ServiceEvent } from "./service_event.ts";
import { contextOf, type PropagatedContext } from "./wire/mod.ts";

/** A call that this program makes. */
export interface OutgoingCall {
  /** `service/action`. */
  readonly path: string;
  /** The parameters. */
  readonly params: unknown;
  /** What its caller has chosen, with the metadata and the trace that go along. */
  readonly options: CallOptions;
}

/** An event that this program publishes. */
export interface Publication {
  /** Such as `orders/placed`. */
  readonly topic: string;
  /** The data. */
  readonly data: unknown;
  /** What its publisher has chosen, with the metadata and the trace that go along. */
  readonly options: PublishOptions;
}

/** A call that an action of this program serves; it has its place among those that run. */
export interface ServedCall {
  /** The service's path. */
  readonly service: string;
  /** The action's name. */
  readonly action: string;
  /** The parameters as they came: their schema is asked behind all middleware. */
  readonly params: unknown;
  /** What its handler is given, too. */
  readonly context: CallContext;
}

/** An event on its way to one handler. */
export interface HandledEvent {
  /** The event. */
  readonly event: ServiceEvent;
  /** What its handler is given, too. */
  readonly context: EventContext;
  /** The service that the subscription belongs to; empty for none. */
  readonly group: string;
}

/**
 * Goes on to what is behind a middleware, with what it was given or with something else in its place. It may be left out,
 * and may be called again, which makes the call again.
 */
export type Next<Input, Output> = (input?: Input) => Promise<Output>;

/**
 * One step that calls and events go through; it has those of the four that it cares for. A step acts before, after or
 * around what it hands on by `next`, answers in its place, or throws: callers get an `ActionError` as it is.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { ActionError, type Middleware, Node } from "@weft/mesh";
 * const signedIn: Middleware = {
 *   action: ({ context }, next) => {
 *     if (context.metadata["user"] === undefined) throw new ActionError("Unauthorized", "Sign in first");
 *     return next();
 *   },
 * };
 * const stateDir = await Deno.makeTempDir();
 * const node = await Node.lead({ name: "shop", stateDir });
 * await node.addService({ path: "orders", actions: { list: () => ["tea"] }, middleware: [signedIn] });
 * assert.deepEqual(await node.request("orders/list", {}, { metadata: { user: "ann" } }), ["tea"]);
 * await assert.rejects(node.request("orders/list"), { code: "Unauthorized" });
 * await node.stop();
 * await Deno.remove(stateDir, { recursive: true });
 * ```
 */
export interface Middleware {
  /** Around a call of this program. @returns the answer, or a promise of it; one that streams is a `ReadableStream` */
  request?(call: OutgoingCall, next: Next<OutgoingCall, unknown>, environment: Environment): unknown;
  /** Around an event that this program publishes. */
  publish?(
    event: Publication,
    next: Next<Publication, PublishReport>,
    environment: Environment,
  ): PublishReport | Promise<PublishReport>;
  /** Around an action of this program. @returns the answer, or a promise of it */
  action?(call: ServedCall, next: Next<ServedCall, unknown>, environment: Environment): unknown;
  /** Around a handler of events of this program, but for `on`, which has none. */
  event?(event: HandledEvent, next: Next<HandledEvent, unknown>, environment: Environment): unknown;
}

type Hook<Input, Output> = (
  input: Input,
  next: Next<Input, Output>,
  environment: Environment,
) => Output | Promise<Output>;

/** What goes around the calls that a program makes. */
export type RequestHook = Hook<OutgoingCall, unknown>;
/** What goes around the events that a program publishes. */
export type PublishHook = Hook<Publication, PublishReport>;
/** What goes around actions. */
export type ActionHook = Hook<ServedCall, unknown>;
/** What goes around handlers of events. */
export type EventHook = Hook<HandledEvent, unknown>;

/** Hands something through hooks, the first outermost. @param last what is behind all of them */
export function runHooks<Input, Output>(
  hooks: readonly Hook<Input, Output>[],
  input: Input,
  environment: Environment,
  last: (input: Input) => Output | Promise<Output>,
): Promise<Output> {
  const run = async (at: number, input: Input): Promise<Output> => {
    const hook = hooks[at];
    if (hook === undefined) return await last(input);
    return await hook(input, (changed = input) => run(at + 1, changed), environment);
  };
  return run(0, input);
}

/**
 * @param parent what the handler was given that calls or publishes
 * @returns the options, with the metadata and the trace that go along
 * @throws InvalidServiceError when something may not travel
 */
export function inherit<Options extends PropagationOptions>(
  options: Options,
  parent: PropagatedContext | undefined,
): Options {
  const context = parent && contextOf(options, parent);
  if (context === undefined) return options;
  const { metadata, traceparent, tracestate } = context;
  return { ...options, metadata, ...traceparent !== "" && { traceparent, tracestate } };
}

/** The hooks of several middlewares, by what they go around. */
export class MiddlewareChain {
  readonly environment: Environment;
  readonly requests: RequestHook[] = [];
  readonly publications: PublishHook[] = [];
  readonly actions: ActionHook[] = [];
  readonly events: EventHook[] = [];

  constructor(environment: Environment, all: readonly Middleware[] = []) {
    this.environment = environment;
    for (const middleware of all) this.use(middleware);
  }

  /** Adds one behind those that are there. */
  use(middleware: Middleware): void {
    // Bound, since a middleware may be an object with state.
    const { request, publish, action, event } = middleware;
    if (request !== undefined) this.requests.push(request.bind(middleware));
    if (publish !== undefined) this.publications.push(publish.bind(middleware));
    if (action !== undefined) this.actions.push(action.bind(middleware));
    if (event !== undefined) this.events.push(event.bind(middleware));
  }
}

/** Hooks of a node that may still grow, and those of a service or action behind them. */
export class JoinedHooks<H> {
  readonly #first: readonly H[];
  readonly #behind: readonly H[];
  #joined: readonly H[];
  #count: number;

  constructor(first: readonly H[], behind: readonly H[]) {
    this.#first = first;
    this.#behind = behind;
    this.#count = first.length;
    this.#joined = [...first, ...behind];
  }

  /** All of them, as they are now. */
  all(): readonly H[] {
    if (this.#count !== this.#first.length) {
      this.#count = this.#first.length;
      this.#joined = [...this.#first, ...this.#behind];
    }
    return this.#joined;
  }
}
