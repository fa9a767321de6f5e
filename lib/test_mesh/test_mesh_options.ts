/**
 * What a mesh of a test and its nodes are made with.
 * @module
 */

import type { Logger } from "../base/mod.ts";
import type { CarrierLimits } from "../service/mod.ts";
import type { TestNode } from "./test_node.ts";
import type { TestGrants } from "./test_rights.ts";

/** How a mesh of a test is made. */
export interface TestMeshOptions {
  /** Of all chance: which messages are lost, how late they are, which provider is drawn. 1 unless given. */
  readonly seed?: number;
  /**
   * How long it takes until others know what a node offers and listens to, in milliseconds. They know at once unless it is
   * given; in a real mesh it takes some round trips.
   */
  readonly advertDelayMs?: number;
  /** Limits of values, of all nodes. */
  readonly limits?: CarrierLimits;
  /** Takes what the nodes log, beside `logs`, with the field `node`. */
  readonly logger?: Logger;
}

/** How a node of a test is made. */
export interface TestNodeOptions {
  /** Values by key, for selectors such as `role=web`. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Whether it is a leader, and so may pause and resume the services of others. */
  readonly isLeader?: boolean;
  /** What it may do; everything unless given. */
  readonly grants?: TestGrants;
  /** What the node's program does when it starts: now, and after each `restart`; it is waited for, and may give anything. */
  readonly setup?: (node: TestNode) => unknown;
}

/** A node, or its name. */
export type NodeRef = string | { readonly name: string };
