/**
 * Which names a newcomer does not get, though nobody is called so.
 * @module
 */

import { DomainName, serviceLabel } from "../../dns/mod.ts";
import type { MeshState } from "../../mesh/mod.ts";
import { TopicPath } from "../../service/mod.ts";
import type { Authority } from "../authority/mod.ts";
import { NAME_ENTRY_KIND, relativeName, topLabel } from "../name_entry.ts";
import type { OfferedService } from "./service_name_sync.ts";

/** What says what a name means already. */
export interface TakenNameParts {
  readonly mesh: Pick<MeshState, "replica" | "roster" | "network">;
  readonly authority: Pick<Authority, "mayOffer">;
  readonly zone: string;
  offered(): readonly OfferedService[];
}

/**
 * @param name a node name
 * @returns whether leaders have added records at it or below it, have granted it to somebody, or a service has it: who
 * joins chooses its name, and must not get what others are asked for
 */
export function isNameTaken(name: string, parts: TakenNameParts): boolean {
  const { mesh: { replica, roster, network }, authority, offered } = parts;
  const zone = DomainName.parse(parts.zone) ?? DomainName.root;
  const isAdded = replica.entries.of(network.id).some(({ kind, key }) => {
    const added = kind === NAME_ENTRY_KIND ? DomainName.parse(key) : undefined;
    const below = added && relativeName(added, zone);
    return below !== undefined && topLabel(below) === name;
  });
  const isOwn = ({ grants: { offer, claimed, names } }: { readonly grants: Granted }): boolean =>
    names.some((granted) => topLabel(granted) === name) ||
    [...offer, ...claimed].some((path) => labelOf(TopicPath.tryParse(path)) === name);
  return isAdded || roster.liveRecords().some(isOwn) || offered().some(({ nodeId, service }) => {
    const path = TopicPath.tryParse(service.path);
    return path !== undefined && labelOf(path) === name && authority.mayOffer(nodeId, path);
  });
}

interface Granted {
  readonly offer: readonly string[];
  readonly claimed: readonly string[];
  readonly names: readonly string[];
}

function labelOf(path: TopicPath | undefined): string | undefined {
  return path && serviceLabel(path.segments);
}
