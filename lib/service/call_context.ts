/**
 * What handlers are given beside parameters and events, and what goes on from there: calls and events that a handler makes
 * by its context inherit what came along, and a call's deadline.
 * @module
 */

import { DEFAULT_TIMEOUT_MS } from "./bounds.ts";
import { callError } from "./errors.ts";
import type { CallOptions, PublishOptions, PublishReport } from "./options.ts";
import { AGENT, isProgram, type PeerId } from "./ports.ts";
import { showPath } from "./topics/mod.ts";
import { contextOf, type Metadata, NO_METADATA, type PropagatedContext } from "./wire/mod.ts";

/**
 * What a context asks of the program that it belongs to.
 * @internal
 */
export interface ContextHost {
  /** Milliseconds by the clock that deadlines go by. */
  now(): number;
  /** Makes a call that inherits. */
  requestIn(
    parent: PropagatedContext,
    path: string,
    params: unknown,
    options: CallOptions,
  ): Promise<unknown>;
  /** Publishes an event that inherits. */
  publishIn(
    parent: PropagatedContext,
    topic: string,
    data: unknown,
    options: PublishOptions,
  ): Promise<PublishReport>;
}

/** What handlers of calls and of events have in common. */
export abstract class HandlerContext {
  /** What the caller or publisher has said beside it: texts by name. Its word, and no more. */
  readonly metadata: Metadata;
  /** What vendors have added to the trace. */
  readonly tracestate: string | undefined;
  /** `service/action` of the handler that called or published, as its node says; undefined when none did. */
  readonly callerPath: string | undefined;
  readonly #host: ContextHost;
  readonly #origin: string;
  #traceparent: string | undefined;

  /**
   * @internal
   * @param propagated what came along; undefined for nothing
   */
  constructor(host: ContextHost, propagated: PropagatedContext | undefined) {
    this.#host = host;
    this.#origin = propagated?.origin ?? "";
    this.metadata = propagated?.metadata ?? NO_METADATA;
    this.#traceparent = propagated?.traceparent || undefined;
    this.tracestate = propagated?.tracestate || undefined;
    this.callerPath = propagated?.callerPath ? showPath(propagated.callerPath) : undefined;
  }

  /** The trace that it belongs to (W3C Trace Context); undefined for none. */
  get traceparent(): string | undefined {
    return this.#traceparent;
  }

  /**
   * What the handler does by this context belongs to that span from now on.
   * @param traceparent as Trace Context writes it
   * @throws InvalidServiceError when it is none
   */
  continueTrace(traceparent: string): void {
    this.#traceparent = contextOf({ traceparent })?.traceparent;
  }

  /** Who has called or published; undefined for a program of this node. */
  protected abstract get sender(): PeerId | undefined;
  /** The handler's own path, empty for none. */
  protected abstract get ownPath(): string;
  /** What the handler's own deadline leaves of a call's options. @throws CallError when nothing is left */
  protected abstract within(options: CallOptions, now: number): CallOptions;

  /**
   * The node where all this began, as the nodes on the way say: a hint, never a permission. Undefined when that is this
   * node.
   */
  get origin(): PeerId | undefined {
    if (this.#origin !== "") return this.#origin as PeerId;
    const { sender } = this;
    return sender === undefined || sender === AGENT || isProgram(sender) ? undefined : sender;
  }

  /**
   * Calls an action as `Node.request` does. Metadata and trace go along, beneath what the options say; the deadline is the
   * handler's own where that is earlier, and whoever gives up on the handler gives up on this, too.
   * @throws CallError, InvalidTopicError
   */
  request(path: string, params?: unknown, options?: CallOptions): Promise<unknown>;
  /** The same, of a type that the caller says. */
  request<Result>(path: string, params?: unknown, options?: CallOptions): Promise<Result>;
  request(path: string, params?: unknown, options: CallOptions = {}): Promise<unknown> {
    try {
      return this.#host.requestIn(this.#passOn(), path, params, this.within(options, this.#host.now()));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Publishes as `Node.publish` does. Metadata and trace go along, beneath what the options say. */
  publish(topic: string, data?: unknown, options: PublishOptions = {}): Promise<PublishReport> {
    return this.#host.publishIn(this.#passOn(), topic, data, options);
  }

  #passOn(): PropagatedContext {
    return {
      metadata: this.metadata,
      traceparent: this.traceparent ?? "",
      tracestate: this.tracestate ?? "",
      callerPath: this.ownPath,
      origin: this.origin ?? "",
    };
  }
}

/** One call, as its handler sees it. */
export class CallContext extends HandlerContext {
  /** Who calls; undefined when it is a program of this node. */
  readonly caller: PeerId | undefined;
  /** `service/action`. */
  readonly path: string;
  /** When the caller gives up, by the clock that services go by. */
  readonly deadlineMs: number;
  /** The items that the caller streams; empty when it streams none. */
  readonly stream: ReadableStream<unknown> | undefined;
  #locals: Map<unknown, unknown> | undefined;
  #abort: AbortController | undefined;
  #reason: unknown;
  #isAborted = false;

  /**
   * Made by the runtime, one for each call.
   * @internal
   * @param deadlineMs by the clock that services go by
   * @param propagated what came along; undefined for nothing
   */
  constructor(
    path: string,
    deadlineMs: number,
    caller: PeerId | undefined,
    stream: ReadableStream<unknown> | undefined,
    host: ContextHost,
    propagated?: PropagatedContext,
  ) {
    super(host, propagated);
    this.path = path;
    this.deadlineMs = deadlineMs;
    this.caller = caller;
    this.stream = stream;
  }

  /** What middleware leaves for the handler, and for middleware behind it; of this call alone, and never sent. */
  get locals(): Map<unknown, unknown> {
    return this.#locals ??= new Map();
  }

  /** Aborted when the caller has given up, is gone, or its deadline has passed. */
  get signal(): AbortSignal {
    // Most handlers never look.
    if (this.#abort === undefined) {
      this.#abort = new AbortController();
      if (this.#isAborted) this.#abort.abort(this.#reason);
    }
    return this.#abort.signal;
  }

  /** Whether nobody waits for the answer any more. */
  get isAborted(): boolean {
    return this.#isAborted;
  }

  /** Nobody waits for the answer any more. Harmless when repeated. */
  abort(reason: unknown): void {
    if (this.#isAborted) return;
    this.#isAborted = true;
    this.#reason = reason;
    this.#abort?.abort(reason);
  }

  /** Who calls. */
  protected override get sender(): PeerId | undefined {
    return this.caller;
  }

  /** The action's. */
  protected override get ownPath(): string {
    return this.path;
  }

  /** Ends with this call, and no later than its deadline. */
  protected override within(options: CallOptions, now: number): CallOptions {
    const leftMs = Math.floor(this.deadlineMs - now);
    if (leftMs < 1) throw callError("Timeout", `No time is left of ${showPath(this.path)} for another call`);
    const { timeoutMs = DEFAULT_TIMEOUT_MS, signal } = options;
    return {
      ...options,
      timeoutMs: Math.min(timeoutMs, leftMs),
      signal: signal === undefined ? this.signal : AbortSignal.any([this.signal, signal]),
    };
  }
}

/** One event, as its handlers see what came with it. */
export class EventContext extends HandlerContext {
  readonly #publisher: PeerId | undefined;

  /**
   * Made by the runtime, one for each event.
   * @internal
   * @param publisher undefined for this node
   * @param propagated what came along; undefined for nothing
   */
  constructor(host: ContextHost, publisher: PeerId | undefined, propagated: PropagatedContext | undefined) {
    super(host, propagated);
    this.#publisher = publisher;
  }

  /** Who published it. */
  protected override get sender(): PeerId | undefined {
    return this.#publisher;
  }

  /** A handler of events has none. */
  protected override get ownPath(): string {
    return "";
  }

  /** An event has no deadline. */
  protected override within(options: CallOptions): CallOptions {
    return options;
  }
}
