/**
 * What callers and publishers may choose, and what they get.
 * @module
 */

import type { BroadcastMode, CallMode } from "./bounds.ts";
import type { WireFailure } from "./errors.ts";
import type { ItemSource, Metadata, PropagatedContext } from "./wire/mod.ts";

/** What goes along with a call or an event, and on with what its handler does by its context. */
export interface PropagationOptions {
  /**
   * Texts by name, which handlers find as `context.metadata`: at most 32, of 4 KiB together. Names are letters, digits,
   * `_`, `.` and `-`.
   */
  readonly metadata?: Metadata;
  /** The trace that it belongs to, as W3C Trace Context writes it: `00-…-…-01`. */
  readonly traceparent?: string;
  /** What vendors add to the trace, at most 512 characters; only beside `traceparent`. */
  readonly tracestate?: string;
}

/** What a caller may choose. */
export interface CallOptions extends PropagationOptions {
  /** The deadline, which travels with the request; 10,000 unless given. */
  readonly timeoutMs?: number;
  /** Which provider is asked; `round-robin` unless given, and `leader` for a service that has one. */
  readonly mode?: CallMode;
  /**
   * Makes one result of those of all providers, which are in the order of their names; with mode `all` alone. Where one has
   * failed, so does the call, since what is made of a part is not what is made of all.
   */
  readonly reduce?: (answers: readonly ProviderResult[]) => unknown;
  /** The node that has to answer, by name, id, key or address; in place of a mode. */
  readonly node?: string;
  /** How often it is tried again, 3 times unless given: only what surely did not run, or is idempotent. */
  readonly retries?: number;
  /** Whether running it twice does no harm; as the action says unless given. */
  readonly idempotent?: boolean;
  /**
   * How long one provider may take, in milliseconds, before it is given up and another one is tried. Only of an idempotent
   * call that has tries left. Without it, and without `hedgeAfterMs`, a provider that takes more than an equal share of
   * the time for each try is not given up, but another one is asked as well, and whichever answers first is heard.
   */
  readonly attemptTimeoutMs?: number;
  /** After how many milliseconds without an answer another provider is asked as well; only of an idempotent call. */
  readonly hedgeAfterMs?: number;
  /** Gives up, and aborts the handler's signal. */
  readonly signal?: AbortSignal;
  /**
   * A range of versions, such as `^1.2` or `1.x || >=2.1` (Semantic Versioning, as npm reads it): only whoever offers one of
   * those is asked.
   */
  readonly version?: string;
  /** Is told the name of the node that has answered, or was asked last; not called when nobody was, or it has no name. */
  readonly onProvider?: (node: string) => void;
  /** Items for the handler's `context.stream`. A call with a stream is made once. */
  readonly stream?: ItemSource;
}

/** A service that has to be there. */
export type ServiceRequirement = string | {
  /** The service's path. */
  readonly path: string;
  /** A range of versions such as `^1.2`. */
  readonly version?: string;
};

/** How long services are waited for. */
export interface WaitOptions {
  /** A range of versions such as `^1.2`, for those that say none themselves. */
  readonly version?: string;
  /** In milliseconds; 30,000 unless given. */
  readonly timeoutMs?: number;
  /** Gives up. */
  readonly signal?: AbortSignal;
}

/**
 * A caller's choice, with all that goes along.
 * @internal
 */
export interface PreparedCallOptions extends CallOptions {
  /** Undefined for nothing. */
  readonly context?: PropagatedContext | undefined;
}

/** What one of all providers has answered. */
export interface ProviderResult {
  /** The provider's name. */
  readonly node: string;
  /** What its handler has given. */
  readonly result: unknown;
}

/** One answer of a call to all. */
export type CallAnswer =
  | { readonly node: string; readonly ok: true; readonly result: unknown }
  | { readonly node: string; readonly ok: false; readonly error: WireFailure };

/** What a publisher may choose. */
export interface PublishOptions extends PropagationOptions {
  /** Who gets it; `all` unless given. */
  readonly broadcastMode?: BroadcastMode;
  /** Keeps it as the topic's last event; without data, forgets the one that is kept. */
  readonly retain?: boolean;
  /**
   * On how many other nodes that are linked now the retained event is kept, too, at most 8; none unless given. Those must be
   * let publish to the topic, too. Whoever subscribes later gets it from them when this node is gone, until its member is
   * removed.
   */
  readonly replicas?: number;
}

/** What became of an event. */
export interface PublishReport {
  /** How many subscriptions of this node it was handed to. */
  readonly local: number;
  /** How many nodes it was sent to. */
  readonly sent: number;
  /** How many nodes could not be reached. */
  readonly lost: number;
  /** How many other nodes keep it, with `replicas`; when that is fewer than were asked for, the log says why. */
  readonly copies?: number;
}
