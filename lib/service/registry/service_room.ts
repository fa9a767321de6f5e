/**
 * How many services one node offers, with those of its programs: others follow no more, so that more are refused where
 * somebody can still be told.
 * @module
 */

import { MAX_NODE_SERVICES } from "../bounds.ts";
import type { PeerId } from "../ports.ts";
import type { NodeBase } from "../runtime_base.ts";
import type { ClaimRefusal } from "./service_claims.ts";
import { isBuiltIn, showPath, type TopicPath } from "../topics/mod.ts";

/** Keeps a node to what others follow. */
export class ServiceRoom {
  readonly #base: Pick<NodeBase, "services" | "programs" | "log">;
  /** Programs of which the log says something already. */
  readonly #said = new Set<PeerId>();

  constructor(base: Pick<NodeBase, "services" | "programs" | "log">) {
    this.#base = base;
  }

  /** @returns why no service may begin at a path, one that is there already not counted; undefined when it may */
  refusal(path: TopicPath): ClaimRefusal | undefined {
    const offered = this.#offered();
    offered.delete(path.toString());
    if (offered.size < MAX_NODE_SERVICES) return undefined;
    const service = showPath(path);
    this.#base.log.warn("a service was refused: this node and its programs offer as many as others follow", {
      service,
      limit: MAX_NODE_SERVICES,
    });
    return {
      message:
        `Cannot offer ${service}: this node and its programs offer ${MAX_NODE_SERVICES} services already, ` +
        "and other nodes follow no more of one node",
      hint: "Offer it on another node, or join actions in fewer services.",
    };
  }

  /**
   * A program has said what it offers, and some of it counts for nothing.
   * @param left how many services and subscriptions are too many
   * @param refused how many can't be offered by anybody, such as those whose path begins with `$`
   */
  handleAdvert(program: PeerId, left: number, refused: number): void {
    const tooMany = left + Math.max(0, this.#offered().size - MAX_NODE_SERVICES);
    if (tooMany + refused === 0) return void this.#said.delete(program);
    if (this.#said.has(program)) return;
    this.#said.add(program);
    this.#base.log.error("a program offers what other nodes will not see", {
      from: program,
      ...tooMany > 0 && { tooMany, limit: MAX_NODE_SERVICES },
      ...refused > 0 && { refused },
    });
  }

  /** A program is gone. */
  forget(program: PeerId): void {
    this.#said.delete(program);
  }

  #offered(): Set<string> {
    const { services, programs } = this.#base;
    const own = services.all().filter(({ path }) => !isBuiltIn(path.service));
    return new Set([...own.map(({ path }) => path.toString()), ...programs.paths()]);
  }
}
