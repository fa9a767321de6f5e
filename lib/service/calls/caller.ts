/**
 * The calls of this program: here when the service is here, else to others.
 * @module
 */

import { type Environment, millis } from "../../base/mod.ts";
import { type LocalAction, type LocalServices, type Outcome, runAction } from "../local/mod.ts";
import { CALL_MODES, type CallMode } from "./balancer.ts";
import { CallContext, readCount } from "../definition/mod.ts";
import type { RemoteCaller } from "./remote_caller.ts";
import {
  type CallOptions,
  type CallPath,
  type CallPaths,
  DEFAULT_RETRIES,
  DEFAULT_TIMEOUT_MS,
} from "./call_options.ts";
import type { Reply } from "./pending_calls.ts";
import { type Forwarded, MAX_TIMEOUT_MS } from "./call_server.ts";
import { CallError, failure, InvalidServiceError, type WireFailure } from "../errors.ts";
import {
  copyValue,
  decodeValue,
  encodeValue,
  endItems,
  isItemSource,
  type ItemSource,
  type MessageCarrier,
  receiveItems,
  type RequestMessage,
  type WireRouting,
  type WireValue,
} from "../wire/mod.ts";
import type { PeerId, ServicePeers, ServiceStream } from "../ports.ts";
import type { ProviderChoice } from "./provider_choice.ts";
import type { ServiceDirectory } from "../directory/mod.ts";
import { showPath } from "../topics/mod.ts";

/** One answer of a call to all. */
export type CallAnswer =
  | { readonly node: string; readonly ok: true; readonly result: unknown }
  | { readonly node: string; readonly ok: false; readonly error: WireFailure };

/** What calls stand on. */
export interface CallerParts extends Pick<Environment, "clock" | "timers"> {
  readonly upstream: PeerId | undefined;
  readonly peers: ServicePeers;
  readonly carrier: MessageCarrier;
  readonly remoteCaller: RemoteCaller;
  readonly paths: CallPaths;
  readonly services: LocalServices;
  readonly directory: ServiceDirectory;
  readonly choice: ProviderChoice;
}

/** What is handed on for somebody else. */
interface Handover {
  readonly path: CallPath;
  readonly params: WireValue;
  readonly stream: ServiceStream | undefined;
  readonly signal: AbortSignal;
  /** For a program of this node alone: the request came from outside. */
  readonly isOwn: boolean;
  /** Who calls. */
  readonly from: PeerId;
}

/** Whom a call goes to, and until when. */
interface Destination {
  readonly mode: CallMode;
  readonly peer: PeerId | undefined;
  readonly timeoutMs: number;
  readonly caller?: string;
}

const NO_OPTIONS: CallOptions = {};
/** Makes calls. */
export class Caller {
  readonly #parts: CallerParts;

  constructor(parts: CallerParts) {
    this.#parts = parts;
  }

  /** Calls an action. @throws CallError, InvalidTopicError, InvalidServiceError */
  request(text: string, params?: unknown, options: CallOptions = NO_OPTIONS): Promise<unknown> {
    // No async function: each would cost turns and objects on the path of every call.
    try {
      return this.#request(this.#parts.paths.parse(text), params, options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Asks one peer for one of the services that everybody has. */
  requestFrom(peer: PeerId, text: string, params: unknown): Promise<unknown> {
    const path = this.#parts.paths.parse(text);
    return this.#requestThere(path, params, NO_OPTIONS, {
      mode: "round-robin",
      peer,
      timeoutMs: DEFAULT_TIMEOUT_MS,
    });
  }

  /** Hands on a call of a program, or a call that a program of this node has to serve. */
  forward(
    request: RequestMessage,
    { path, params, stream, signal, isOwn, from }: Handover,
  ): Promise<Forwarded> {
    // Nobody but a program of this node chooses whom this node calls.
    const routing = isOwn ? undefined : request.routing;
    const mode = routing !== undefined && CALL_MODES.includes(routing.mode as CallMode)
      ? routing.mode as CallMode
      : this.#mode(path, NO_OPTIONS);
    const timeoutMs = Math.max(1, Math.min(request.timeoutMs, MAX_TIMEOUT_MS));
    const options: CallOptions = {
      idempotent: routing?.idempotent || this.#parts.choice.isIdempotent(path),
      ...(isOwn ? { retries: 0 } : routing?.retries === undefined ? {} : { retries: routing.retries }),
      ...(stream === undefined ? {} : { stream: receiveItems(stream) }),
    };
    if (mode === "all" && !isOwn) {
      return this.#requestAll(path, decodeValue(params), options, timeoutMs).then((answers) => ({
        kind: "value",
        value: encodeValue(answers),
      }));
    }
    let peer: PeerId | undefined;
    if (routing?.node !== undefined && routing.node !== "") {
      peer = this.#parts.peers.find(routing.node);
      if (peer === undefined) {
        return Promise.resolve({
          kind: "failure",
          failure: failure("NoProvider", `No node is called ${routing.node}`),
        });
      }
    }
    const { promise, resolve } = Promise.withResolvers<Forwarded>();
    const cancel = this.#order(
      path,
      params,
      options,
      { mode: isOwn ? "local" : mode, peer, timeoutMs, caller: isOwn ? from : "" },
      (reply) => {
        if (reply.kind === "value") resolve({ kind: "value", value: copyValue(reply.value) });
        else resolve(reply);
      },
    );
    if (signal.aborted) cancel();
    signal.addEventListener("abort", cancel, { once: true });
    void promise.finally(() => signal.removeEventListener("abort", cancel));
    return promise;
  }

  #request(path: CallPath, params: unknown, options: CallOptions): Promise<unknown> {
    const { services, upstream } = this.#parts;
    if (options.signal?.aborted) throw callError("Canceled", `Canceled: ${showPath(path.text)}`);
    const timeoutMs = readCount(options.timeoutMs, DEFAULT_TIMEOUT_MS, 1, "timeoutMs");
    const mode = this.#mode(path, options);
    if (mode === "all" && upstream === undefined) return this.#requestAll(path, params, options, timeoutMs);
    const peer = options.node === undefined ? undefined : this.#peer(options.node);
    if (this.#parts.choice.isHere(path, mode, peer)) {
      const action = services.get(path.service)?.actions.get(path.action);
      if (action === undefined) {
        throw callError("UnknownAction", `${showPath(path.service)} has no action ${path.action}`);
      }
      return this.#requestHere(action, path, params, options, timeoutMs);
    }
    if (mode === "local" && upstream === undefined && !this.#parts.choice.hasProgram(path)) {
      throw callError("NoProvider", `This node does not offer ${showPath(path.service)}`);
    }
    return this.#requestThere(path, params, options, { mode, peer, timeoutMs });
  }

  #mode(path: CallPath, { mode, node }: CallOptions): CallMode {
    if (mode !== undefined && !CALL_MODES.includes(mode)) {
      throw new InvalidServiceError(`Cannot call ${showPath(path.text)}: there is no mode "${mode}"`, {
        hint: `The modes are ${CALL_MODES.join(", ")}; for one node use the option node.`,
      });
    }
    if (node !== undefined) return "round-robin";
    return mode ?? this.#parts.choice.usualMode(path);
  }

  #peer(node: string): PeerId {
    const { peers, upstream } = this.#parts;
    const peer = upstream ?? peers.find(node);
    if (peer === undefined) throw callError("NoProvider", `No node is called ${node}`);
    return peer;
  }

  #requestHere(
    action: LocalAction,
    path: CallPath,
    params: unknown,
    options: CallOptions,
    timeoutMs: number,
  ): Promise<unknown> {
    const { clock, timers } = this.#parts;
    return new Promise((resolve, reject) => {
      const source = options.stream;
      const context = new CallContext(path.text, millis(clock.now() + timeoutMs), {
        ...(source === undefined ? {} : { stream: streamOf(source) }),
      });
      let isSettled = false;
      let cancelTimer = () => {};
      const giveUp = (told: WireFailure) => {
        if (isSettled) return;
        const error = new CallError(told);
        context.abort(error);
        settle({ kind: "failure", failure: told });
      };
      const abort = () => giveUp(failure("Canceled", `Canceled: ${showPath(path.text)}`, true));
      const settle = (outcome: Outcome) => {
        if (isSettled) {
          if (outcome.kind === "value" && isItemSource(outcome.value)) endItems(outcome.value);
          return;
        }
        isSettled = true;
        cancelTimer();
        options.signal?.removeEventListener("abort", abort);
        if (outcome.kind === "failure") reject(new CallError(outcome.failure));
        else resolve(isItemSource(outcome.value) ? streamOf(outcome.value) : outcome.value);
      };
      runAction(action, params, context, settle);
      if (isSettled) return;
      options.signal?.addEventListener("abort", abort, { once: true });
      cancelTimer = timers.setTimer(
        timeoutMs,
        () => giveUp(failure("Timeout", `No answer from ${showPath(path.text)} in time`, true)),
      );
    });
  }

  #requestThere(path: CallPath, params: unknown, options: CallOptions, to: Destination): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const wire = encodeValue(params);
      this.#parts.carrier.checkLength(wire);
      const { signal } = options;
      const { clock } = this.#parts;
      const deadline = clock.now() + to.timeoutMs;
      let cancel = () => {};
      const abort = () => cancel();
      signal?.addEventListener("abort", abort, { once: true });
      cancel = this.#order(path, wire, options, to, (reply) => {
        signal?.removeEventListener("abort", abort);
        if (reply.kind === "failure" && isElsewhere(reply.failure) && options.stream === undefined) {
          const timeoutMs = Math.floor(deadline - clock.now());
          // It may have come to this node meanwhile.
          if (timeoutMs > 0 && this.#parts.choice.isHere(path, to.mode, to.peer)) {
            return resolve(this.request(path.text, params, { ...options, timeoutMs }));
          }
        }
        settleBy(reply, resolve, reject);
      });
    });
  }

  #order(
    path: CallPath,
    params: WireValue,
    options: CallOptions,
    { mode, peer, timeoutMs, caller = "" }: Destination,
    settle: (reply: Reply) => void,
  ): () => void {
    const { clock, remoteCaller, upstream } = this.#parts;
    const idempotent = options.idempotent ?? this.#parts.choice.isIdempotent(path);
    const routing: WireRouting | undefined = upstream === undefined ? undefined : {
      mode: options.mode ?? "",
      node: options.node ?? "",
      idempotent: options.idempotent ?? false,
      retries: options.retries,
    };
    return remoteCaller.call({
      service: path.service,
      path: path.text,
      params,
      deadline: millis(clock.now() + timeoutMs),
      mode,
      peer,
      retries: upstream !== undefined ? 0 : readCount(options.retries, DEFAULT_RETRIES, 0, "retries"),
      idempotent,
      source: options.stream,
      routing,
      caller,
      settle,
    });
  }

  async #requestAll(
    path: CallPath,
    params: unknown,
    options: CallOptions,
    timeoutMs: number,
  ): Promise<readonly CallAnswer[]> {
    const { services, directory, peers } = this.#parts;
    const { self } = peers;
    const action = services.get(path.service)?.actions.get(path.action);
    const asked: [string, Promise<unknown>][] = [];
    const { stream: _, ...rest } = options;
    if (action !== undefined) {
      asked.push([peers.nameOf(self) ?? self, this.#requestHere(action, path, params, rest, timeoutMs)]);
    }
    for (const { peer, service } of directory.providers(path.service)) {
      if (service.state !== "running") continue;
      const there = this.#requestThere(path, params, rest, { mode: "round-robin", peer, timeoutMs });
      asked.push([peers.nameOf(peer) ?? peer, there]);
    }
    if (asked.length === 0) throw callError("NoProvider", `Nobody offers ${showPath(path.service)}`);
    return await Promise.all(asked.map(async ([node, answer]): Promise<CallAnswer> => {
      try {
        return { node, ok: true, result: await answer };
      } catch (error) {
        if (!(error instanceof CallError)) throw error;
        const { code, message, retryable, executed } = error;
        return { node, ok: false, error: { code, message, retryable, executed } };
      }
    }));
  }
}

/** Whether somebody else might have served the call, at once. */
function isElsewhere({ code, executed }: WireFailure): boolean {
  return !executed && (code === "NoProvider" || code === "ServicePaused" || code === "Unreachable");
}

function settleBy(reply: Reply, resolve: (value: unknown) => void, reject: (error: unknown) => void): void {
  switch (reply.kind) {
    case "value":
      try {
        return resolve(decodeValue(reply.value));
      } catch (error) {
        return reject(error);
      }
    case "stream":
      return resolve(reply.items);
    default:
      return reject(new CallError(reply.failure));
  }
}

function callError(...parts: Parameters<typeof failure>): CallError {
  return new CallError(failure(...parts));
}

function streamOf(source: ItemSource): ReadableStream<unknown> {
  return source instanceof ReadableStream ? source : ReadableStream.from(source);
}
