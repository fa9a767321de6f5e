/**
 * The calls of a node: an action of its own program runs at once, any other is asked for by message.
 * @module
 */

import type { CallMode } from "./balancer.ts";
import {
  type CallOptions,
  type CallPath,
  type CallPaths,
  checkOptions,
  DEFAULT_RETRIES,
  DEFAULT_TIMEOUT_MS,
  NO_OPTIONS,
} from "./call_options.ts";
import { callLocal, type CallPorts, callRemote } from "./call_action.ts";
import type { ProviderChoice } from "./provider_choice.ts";
import { readCount } from "../definition/mod.ts";
import { CallError, failure, type WireFailure } from "../errors.ts";
import type { PeerId, ServicePeers } from "../ports.ts";
import { showPath } from "../topics/mod.ts";

/** One answer of a call to all. */
export type CallAnswer =
  | { readonly node: string; readonly ok: true; readonly result: unknown }
  | { readonly node: string; readonly ok: false; readonly error: WireFailure };

interface CallerParts extends CallPorts {
  readonly peers: ServicePeers;
  readonly paths: CallPaths;
  readonly choice: ProviderChoice;
}

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
      const { choice, paths } = this.#parts;
      const path = paths.parse(text);
      const timeoutMs = checkOptions(path, options);
      const mode = options.node !== undefined ? "round-robin" : options.mode ?? choice.usualMode(path);
      if (mode === "all") return this.requestAll(path, params, options, timeoutMs);
      const peer = options.node === undefined ? undefined : this.#find(options.node);
      const service = choice.here(path, mode, peer);
      if (service !== undefined) {
        const action = service.actions.get(path.action);
        if (action !== undefined) {
          return callLocal(this.#parts, action, path.text, params, options, timeoutMs);
        }
        throw callError("UnknownAction", `${showPath(path.service)} has no action ${path.action}`);
      }
      if (mode === "local" && !choice.hasProgram(path)) {
        throw callError("NoProvider", `This node does not offer ${showPath(path.service)}`);
      }
      return this.#requestRemote(path, params, options, mode, peer, timeoutMs);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Asks one peer for one of the services that everybody has. */
  ask(peer: PeerId, text: string, params: unknown): Promise<unknown> {
    const path = this.#parts.paths.parse(text);
    return this.#requestRemote(path, params, NO_OPTIONS, "round-robin", peer, DEFAULT_TIMEOUT_MS);
  }

  /** Calls every provider that runs the service. @throws CallError when there is none */
  async requestAll(
    path: CallPath,
    params: unknown,
    { stream: _, ...options }: CallOptions,
    timeoutMs: number,
  ): Promise<readonly CallAnswer[]> {
    const { choice, peers } = this.#parts;
    const { self } = peers;
    const action = choice.own(path)?.actions.get(path.action);
    const asked: [string, Promise<unknown>][] = [];
    if (action !== undefined) {
      const answer = callLocal(this.#parts, action, path.text, params, options, timeoutMs);
      asked.push([peers.nameOf(self) ?? self, answer]);
    }
    for (const { peer, service } of choice.all(path.service)) {
      if (service.state !== "running") continue;
      const answer = this.#requestRemote(path, params, options, "round-robin", peer, timeoutMs);
      asked.push([peers.nameOf(peer) ?? peer, answer]);
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

  #find(node: string): PeerId {
    const peer = this.#parts.peers.find(node);
    if (peer === undefined) throw callError("NoProvider", `No node is called ${node}`);
    return peer;
  }

  #requestRemote(
    path: CallPath,
    params: unknown,
    options: CallOptions,
    mode: CallMode,
    peer: PeerId | undefined,
    timeoutMs: number,
  ): Promise<unknown> {
    const { choice } = this.#parts;
    const to = {
      mode,
      peer,
      retries: readCount(options.retries, DEFAULT_RETRIES, 0, "retries"),
      idempotent: options.idempotent ?? choice.isIdempotent(path),
    };
    return callRemote(this.#parts, path, params, options, timeoutMs, to, (leftMs) => {
      // The service may have come to this node meanwhile.
      if (choice.here(path, mode, peer) === undefined) return undefined;
      return this.request(path.text, params, { ...options, timeoutMs: leftMs });
    });
  }
}

function callError(...parts: Parameters<typeof failure>): CallError {
  return new CallError(failure(...parts));
}
