/**
 * The agent's side of the programs that are attached to it.
 * @module
 */

import { CALL_MODES, type CallMode, MAX_TIMEOUT_MS } from "../bounds.ts";
import { millis } from "../../base/mod.ts";
import {
  type CallDestination,
  type CallPath,
  DEFAULT_RETRIES,
  type Forward,
  type ProviderChoice,
  type RemoteCaller,
  type Reply,
  type Route,
  routeToAction,
} from "../calls/mod.ts";
import { type Provider, type ServiceDirectory, VersionRange } from "../directory/mod.ts";
import { isElectable, type ServiceLeadership } from "../leadership/mod.ts";
import { failed, failureOf } from "../errors.ts";
import type { CallOptions } from "../options.ts";
import type { PeerId, ServiceStream } from "../ports.ts";
import type { NodeBase } from "../runtime_base.ts";
import { showPath } from "../topics/mod.ts";
import {
  copyValue,
  decodeValue,
  encodeValue,
  type ItemSource,
  receiveItems,
  type RequestMessage,
  type ServiceAdvert,
  type WireRouting,
  type WireValue,
} from "../wire/mod.ts";

/** How many parsed selectors are kept. */
const MAX_SELECTORS = 256;
const NO_ROUTING: WireRouting = { mode: "", node: "", idempotent: false, retries: undefined, version: "" };

/** The programs that are attached to one node. */
export class ProgramGateway {
  /** What they offer and listen to. */
  readonly directory: ServiceDirectory;
  readonly #base: NodeBase;
  readonly #leadership: ServiceLeadership;
  readonly #choice: ProviderChoice;
  readonly #remoteCaller: RemoteCaller;
  readonly #request: (path: string, params: unknown, options: CallOptions) => Promise<unknown>;
  readonly #selectors = new Map<string, (peer: PeerId) => boolean>();
  /** The paths that each program leads, as it was sent last. */
  readonly #granted = new Map<PeerId, string>();

  /** @param request makes a call of the node */
  constructor(
    base: NodeBase,
    leadership: ServiceLeadership,
    choice: ProviderChoice,
    remoteCaller: RemoteCaller,
    request: (path: string, params: unknown, options: CallOptions) => Promise<unknown>,
  ) {
    this.#base = base;
    this.#leadership = leadership;
    this.#choice = choice;
    this.#remoteCaller = remoteCaller;
    this.#request = request;
    this.directory = base.programs;
  }

  /** What all of them offer and listen to, for the node's own advert. */
  adverts(): readonly ServiceAdvert[] {
    return this.directory.peers().flatMap((program) => this.directory.advertsOf(program));
  }

  forget(program: PeerId): void {
    this.directory.set(program, []);
    this.#granted.delete(program);
  }

  /** @returns where a program's call leads: to the agent's own service, or on to wherever its routing says */
  routeFrom(program: PeerId, path: CallPath, { routing }: RequestMessage): Route {
    const choice = this.#choice;
    const { mode: wanted, node, retries = DEFAULT_RETRIES, idempotent, version: range, ...times } = routing ??
      NO_ROUTING;
    const version = range === "" ? undefined : VersionRange.tryParse(range);
    if (range !== "" && version === undefined) return failed("InvalidParams", "that is no range of versions");
    const peer = node === "" ? undefined : this.#base.peers.find(node);
    const isUnknown = node !== "" && peer === undefined;
    const usual = choice.usualMode(path);
    const hereMode = node !== "" ? "round-robin" : wanted === "" ? usual : wanted as CallMode;
    const own = isUnknown ? undefined : choice.here(path, hereMode, peer, version);
    if (own !== undefined) return routeToAction(own, path, program);
    const mode = CALL_MODES.includes(wanted as CallMode) ? wanted as CallMode : usual;
    if (mode === "all") {
      return { kind: "forward", forward: (request, params) => this.#callAll(path, request, params) };
    }
    if (isUnknown) return failed("NoProvider", `No node is called ${node}`);
    const forward: Forward = (request, params, stream, signal) => {
      const { attemptTimeoutMs, hedgeAfterMs } = times;
      const isIdempotent = idempotent || choice.isIdempotent(path);
      const to = { mode, peer, retries, idempotent: isIdempotent, version, attemptTimeoutMs, hedgeAfterMs };
      return this.#call(path, request, params, this.#items(program, stream), signal, to);
    };
    return { kind: "forward", forward };
  }

  /** @returns where a member's call leads that the agent does not serve itself: to a program that it may call */
  routeTo(path: CallPath, member: PeerId): Route {
    const providers = this.directory.providers(path.service);
    if (providers.length === 0) return failed("NoProvider", `${showPath(path.service)} is not here`);
    // Any of them may be the one that serves.
    if (!providers.every((program) => this.#allows(program, path, member))) {
      return failed("Refused", `${showPath(path.text)} may not be called from there`);
    }
    // Nobody but a program of this node chooses whom this node calls: a member's routing does not count.
    const forward: Forward = (request, params, stream, signal) => {
      const idempotent = this.#choice.isIdempotent(path);
      const to = { mode: "local", peer: undefined, retries: 0, idempotent, caller: member } as const;
      return this.#call(path, request, params, this.#items(member, stream), signal, to);
    };
    return { kind: "forward", forward };
  }

  /** Of several programs that offer a service which this node leads, the first that runs it leads, and is sent that. */
  grantLeadership(): void {
    const { services, carrier } = this.#base;
    const led = new Map<PeerId, string[]>();
    for (const path of this.directory.paths()) {
      const own = services.get(path);
      if ((own !== undefined && isElectable(own)) || !this.#leadership.leads(path)) continue;
      const program = this.directory.providers(path)
        .find(({ service }) => service.elects && service.state === "running");
      if (program !== undefined) led.set(program.peer, [...led.get(program.peer) ?? [], path]);
    }
    for (const peer of new Set([...led.keys(), ...this.#granted.keys()])) {
      const paths = led.get(peer) ?? [];
      const text = paths.join(" ");
      if ((this.#granted.get(peer) ?? "") === text) continue;
      if (carrier.post(peer, { kind: "leadership", paths }) === "queued") this.#granted.set(peer, text);
    }
  }

  #call(
    path: CallPath,
    request: RequestMessage,
    params: WireValue,
    source: ItemSource | undefined,
    signal: AbortSignal,
    to: CallDestination,
  ): Promise<Reply> {
    const { promise, resolve } = Promise.withResolvers<Reply>();
    const begunAt = this.#base.clock.now();
    const deadline = millis(begunAt + timeoutOf(request));
    const order = { path, params, begunAt, deadline, source, to, context: request.context };
    const call = this.#remoteCaller.call(order, {
      settle: (reply) =>
        resolve(reply.kind === "value" ? { kind: "value", value: copyValue(reply.value) } : reply),
      onOver() {},
    });
    // The signal is of this call alone, so that nothing is left behind on it.
    const abort = () => this.#remoteCaller.giveUp(call, failureOf(signal.reason));
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
    return promise;
  }

  /** @returns what a caller streams, in room of its own */
  #items(caller: PeerId, stream: ServiceStream | undefined): ItemSource | undefined {
    return stream && receiveItems(stream, this.#base.carrier.account(caller));
  }

  async #callAll(path: CallPath, request: RequestMessage, params: WireValue): Promise<Reply> {
    const { idempotent, retries, version } = request.routing ?? NO_ROUTING;
    const { metadata, traceparent = "", tracestate = "" } = request.context ?? {};
    const answers = await this.#request(path.text, decodeValue(params), {
      mode: "all",
      timeoutMs: timeoutOf(request),
      idempotent: idempotent || this.#choice.isIdempotent(path),
      ...(retries === undefined ? {} : { retries }),
      ...(version === "" ? {} : { version }),
      ...(metadata === undefined ? {} : { metadata }),
      ...(traceparent === "" ? {} : { traceparent, tracestate }),
    });
    return { kind: "value", value: encodeValue(answers) };
  }

  /** What a program has said of who may call it, its agent checks. */
  #allows({ service }: Provider, { action }: CallPath, member: PeerId): boolean {
    const allow = service.actions.find(({ name }) => name === action)?.allow ?? service.allow;
    return allow === undefined || this.#selector(allow)(member);
  }

  #selector(text: string): (member: PeerId) => boolean {
    let selector = this.#selectors.get(text);
    if (selector !== undefined) return selector;
    try {
      selector = this.#base.peers.selector(text);
    } catch {
      // What nobody can read lets nobody in.
      selector = () => false;
    }
    if (this.#selectors.size >= MAX_SELECTORS) this.#selectors.clear();
    this.#selectors.set(text, selector);
    return selector;
  }
}

function timeoutOf({ timeoutMs }: RequestMessage): number {
  return Math.max(1, Math.min(timeoutMs, MAX_TIMEOUT_MS));
}
