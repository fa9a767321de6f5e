/**
 * The calls of a node: those of its program to whoever serves them, here, in attached programs or elsewhere; and where
 * those of others lead.
 * @module
 */

import type { CallMode } from "../bounds.ts";
import {
  type CallOrder,
  type CallPath,
  type CallPaths,
  callRemote,
  type CallRequest,
  type LocalCaller,
  type ProviderChoice,
  readTries,
  type RemoteCaller,
  type Route,
  routeToAction,
} from "../calls/mod.ts";
import { callAll } from "./call_all.ts";
import { type Provider, VersionRange } from "../directory/mod.ts";
import { callError, failed, failure, type WireFailure } from "../errors.ts";
import type { LocalService } from "../local/mod.ts";
import type { NodePolicy } from "./node_policy.ts";
import type { PreparedCallOptions } from "../options.ts";
import { isProgram, type PeerId } from "../ports.ts";
import type { ProgramGateway } from "../programs/mod.ts";
import type { ServiceAvailability } from "../registry/mod.ts";
import type { NodeBase } from "../runtime_base.ts";
import { showPath } from "../topics/mod.ts";
import type { RequestMessage } from "../wire/mod.ts";

/** What the calls of a node stand on. */
interface NodeCallsParts {
  readonly base: NodeBase;
  readonly choice: ProviderChoice;
  readonly policy: NodePolicy;
  readonly availability: ServiceAvailability;
  readonly localCaller: LocalCaller;
  readonly remoteCaller: RemoteCaller;
  readonly programs: ProgramGateway;
  readonly paths: CallPaths;
}

/** Whom a call goes to. */
interface Destination {
  readonly mode: CallMode;
  /** The only one that may answer; undefined for anybody. */
  readonly peer: PeerId | undefined;
  readonly version: VersionRange | undefined;
}

/** One for a node. */
export class NodeCalls {
  readonly #parts: NodeCallsParts;
  readonly #again = ({ path, params, options, to }: CallRequest, leftMs: number) => {
    // The service may have come to this node meanwhile.
    const isHere = this.#parts.choice.here(path, to.mode, to.peer, to.version) !== undefined;
    return isHere ? this.make(path, params, options, leftMs) : undefined;
  };

  constructor(parts: NodeCallsParts) {
    this.#parts = parts;
  }

  /** Makes a call whose options were checked. @throws CallError */
  make(
    path: CallPath,
    params: unknown,
    options: PreparedCallOptions,
    timeoutMs: number,
  ): Promise<unknown> {
    const { base, base: { peers }, choice, policy, paths } = this.#parts;
    const { node } = options;
    const version = options.version === undefined ? undefined : VersionRange.parse(options.version);
    const instead = base.services.get(path.service) ? undefined : policy.instead(path, paths);
    if (instead !== undefined) return this.make(instead, params, options, timeoutMs);
    const mode = node !== undefined ? "round-robin" : options.mode ?? choice.usualMode(path);
    if (mode === "all") return this.#callAll(path, params, options, timeoutMs);
    const peer = node === undefined ? undefined : peers.find(node);
    if (node !== undefined && peer === undefined) {
      throw callError("NoProvider", `No node is called ${node}`);
    }
    const to = { mode, peer, version };
    const service = choice.here(path, mode, peer, version);
    if (service !== undefined) return this.#callHere(service, path, params, options, to, timeoutMs);
    if (mode === "local" && !choice.hasProgram(path)) {
      throw callError("NoProvider", `This node does not offer ${showPath(path.service)}`);
    }
    return this.#callRemote(path, params, options, to, timeoutMs);
  }

  #callAll(
    path: CallPath,
    params: unknown,
    options: PreparedCallOptions,
    timeoutMs: number,
  ): Promise<unknown> {
    const { base, base: { peers }, choice, policy, localCaller } = this.#parts;
    const parts = { base, localCaller, choice, policy, peers };
    return callAll(
      parts,
      path,
      params,
      options,
      timeoutMs,
      (peer, single) => this.ask(peer, path, params, single, timeoutMs),
    );
  }

  #callHere(
    service: LocalService,
    path: CallPath,
    params: unknown,
    options: PreparedCallOptions,
    to: Destination,
    timeoutMs: number,
  ): Promise<unknown> {
    const { choice, localCaller } = this.#parts;
    return localCaller.request(service, path, params, options, timeoutMs, (leftMs) => {
      // Paused or removed meanwhile, it may run elsewhere.
      if (choice.here(path, to.mode, to.peer, to.version) !== undefined) return undefined;
      return this.#callRemote(path, params, options, to, leftMs);
    });
  }

  /** Asks one peer. @throws CallError */
  ask(
    peer: PeerId,
    path: CallPath,
    params: unknown,
    options: PreparedCallOptions,
    timeoutMs: number,
  ): Promise<unknown> {
    const to = { mode: "round-robin", peer, version: undefined } as const;
    return this.#callRemote(path, params, options, to, timeoutMs);
  }

  /**
   * @param isAgain whether it was asked about before its parameters came
   * @returns where a call of somebody else leads
   */
  route(peer: PeerId, path: CallPath, request: RequestMessage, isAgain: boolean): Route {
    const { base, choice, policy, programs, paths } = this.#parts;
    if (isProgram(peer)) return programs.routeFrom(peer, policy.instead(path, paths) ?? path, request);
    const refusal = policy.whyNotFrom(peer, path, request, isAgain);
    if (refusal === "over-rate") return failed("Overloaded", "too many calls come from there");
    if (refusal !== undefined) {
      return failed("Refused", `${showPath(path.text)} may not be called from there`);
    }
    const own = base.services.get(path.service);
    // A paused service leaves its calls to programs that offer the same.
    if (own !== undefined && (own.state === "running" || !choice.hasProgram(path))) {
      return routeToAction(own, path, peer, peer);
    }
    return programs.routeTo(path, peer);
  }

  /** @param provider undefined where nobody is left @returns why a call is not sent */
  refusal(order: CallOrder, provider: Provider | undefined): WireFailure | undefined {
    const { policy, availability, choice } = this.#parts;
    const { path, to: { mode, version } } = order;
    const denied = policy.refusal(order, provider);
    if (denied !== undefined || provider !== undefined) return denied;
    const leaderless = mode === "leader" ? choice.whyLeaderless(path) : undefined;
    if (leaderless !== undefined || version === undefined) return leaderless;
    const [missing] = availability.missing([{ path: path.service, range: version }]);
    return missing === undefined ? undefined : failure("NoProvider", `Nobody serves the call: ${missing}`);
  }

  #callRemote(
    path: CallPath,
    params: unknown,
    options: PreparedCallOptions,
    { mode, peer, version }: Destination,
    timeoutMs: number,
  ): Promise<unknown> {
    const { base, choice, remoteCaller } = this.#parts;
    const { idempotent = choice.isIdempotent(path) } = options;
    const { retries, attemptTimeoutMs, hedgeAfterMs } = readTries(options);
    const to = { mode, peer, idempotent, version, retries, attemptTimeoutMs, hedgeAfterMs };
    return callRemote(base, remoteCaller, { path, params, options, to }, timeoutMs, this.#again);
  }
}
