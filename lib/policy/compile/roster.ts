/**
 * Who there is, as a policy looks at it.
 * @module
 */

import type { Cidr } from "../../net/mod.ts";
import type { SelectorSubject } from "../selectors/mod.ts";

/** The network of the members themselves, beside overlay networks. */
export const MESH = "mesh";

/** A member of the mesh, or a device with a key of its own. */
export interface RosterMember extends SelectorSubject {
  /** Its node id, by which `subjectOf` finds it. */
  readonly id: string;
  /** Networks behind it: their addresses are its own, but for selectors by address. */
  readonly blocks: readonly Cidr[];
}

/** An endpoint of an overlay network; its name is its id there. */
export interface RosterEndpoint extends SelectorSubject {
  /** The id of the member that has it. */
  readonly member: string;
}

/** An overlay network, as a policy of it looks at it. */
export interface RosterNetwork {
  /** Its name, by which policies name it. */
  readonly name: string;
  /** All of them, of whichever member. */
  readonly endpoints: readonly RosterEndpoint[];
}

/** All members and endpoints at one time. */
export interface PolicyRoster {
  /** In any order. */
  readonly members: readonly RosterMember[];
  /** Likewise. */
  readonly networks: readonly RosterNetwork[];
}
