/**
 * Where a request of somebody else leads, and whether it may go there.
 * @module
 */

import type { CallPath, CallPaths } from "./call_options.ts";
import type { Forward, Route } from "./call_server.ts";
import { type CallFailureCode, failure } from "../errors.ts";
import type { LocalService, LocalServices } from "../local/mod.ts";
import type { RequestMessage } from "../wire/mod.ts";
import { isProgram, type PeerId, type ServicePeers } from "../ports.ts";
import type { ProviderChoice } from "./provider_choice.ts";
import type { Provider, ServiceDirectory } from "../directory/mod.ts";
import { showPath } from "../topics/mod.ts";

/** What a route depends on. */
export interface RequestRouterParts {
  readonly paths: CallPaths;
  readonly peers: ServicePeers;
  readonly services: LocalServices;
  readonly directory: ServiceDirectory;
  readonly choice: ProviderChoice;
  /** Hands a request on. @param isOwn whether only programs of this node may serve it */
  forward(path: CallPath, peer: PeerId, isOwn: boolean): Forward;
}

const MAX_SELECTORS = 256;

/** Finds routes. */
export class RequestRouter {
  readonly #parts: RequestRouterParts;
  readonly #selectors = new Map<string, (peer: PeerId) => boolean>();

  constructor(parts: RequestRouterParts) {
    this.#parts = parts;
  }

  /** @returns where the request leads, or why nowhere */
  route(peer: PeerId, request: RequestMessage): Route {
    const { paths, services, directory, choice, forward } = this.#parts;
    const path = paths.tryParse(request.path);
    if (path === undefined) return nowhere("UnknownAction", "that is no path of an action");
    const fromProgram = isProgram(peer);
    const local = services.get(path.service);
    const programs = directory.providers(path.service)
      .filter((one) => isProgram(one.peer) && one.peer !== peer);
    const isHere = fromProgram
      ? choice.isServedHere(path, request.routing)
      : local?.state === "running" || programs.length === 0;
    if (local !== undefined && isHere) return this.#routeLocal(local, path, peer, fromProgram);
    if (!fromProgram && programs.length === 0) {
      return nowhere("NoProvider", `${showPath(path.service)} is not here`);
    }
    // Any of them may be the one that serves.
    if (!fromProgram && !programs.every((program) => this.#allows(program, path, peer))) {
      return nowhere("Refused", `${showPath(path.text)} may not be called from there`);
    }
    return { kind: "forward", forward: forward(path, peer, !fromProgram) };
  }

  #routeLocal(local: LocalService, path: CallPath, peer: PeerId, fromProgram: boolean): Route {
    const action = local.actions.get(path.action);
    if (action === undefined) {
      return nowhere("UnknownAction", `${showPath(path.service)} has no action ${path.action}`);
    }
    if (!fromProgram && !action.allows(peer)) {
      return nowhere("Refused", `${showPath(path.text)} may not be called from there`);
    }
    return { kind: "action", action };
  }

  /** What a program has said of who may call it, its agent looks after. */
  #allows({ service }: Provider, { action }: CallPath, peer: PeerId): boolean {
    const allow = service.actions.find(({ name }) => name === action)?.allow ?? service.allow;
    return allow === undefined || this.#selector(allow)(peer);
  }

  #selector(text: string): (peer: PeerId) => boolean {
    let selector = this.#selectors.get(text);
    if (selector !== undefined) return selector;
    try {
      selector = this.#parts.peers.selector(text);
    } catch {
      // What nobody can read lets nobody in.
      selector = () => false;
    }
    if (this.#selectors.size >= MAX_SELECTORS) this.#selectors.clear();
    this.#selectors.set(text, selector);
    return selector;
  }
}

function nowhere(code: CallFailureCode, message: string): Route {
  return { kind: "failure", failure: failure(code, message) };
}
