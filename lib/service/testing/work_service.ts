/**
 * A service that writes down what it runs, for the tests of calls.
 * @module
 */

import { ActionError, type ServiceDefinition } from "../mod.ts";
import { MemoryMesh, type MemoryNode, settle } from "./memory_mesh.ts";
import { decodeNodeMessage } from "../wire/node_message.ts";

/** A node that offers `work`. */
export interface WorkNode {
  readonly node: MemoryNode;
  /** What each execution was handed. */
  readonly ran: unknown[];
  /** Held calls answer when this is called. */
  release(): void;
}

/** `work/take` and `work/read` (idempotent) answer with the node's name, `work/hold` when it is released. */
export async function offer(node: MemoryNode, more: Partial<ServiceDefinition> = {}): Promise<WorkNode> {
  const ran: unknown[] = [];
  let held = Promise.withResolvers<void>();
  const take = (params: unknown) => {
    ran.push(params);
    return node.id;
  };
  const hold = async (params: unknown) => {
    ran.push(params);
    await held.promise;
    return node.id;
  };
  await node.runtime.addService({
    path: "work",
    actions: {
      take,
      read: { idempotent: true, handler: take },
      hold,
      holdRead: { idempotent: true, handler: hold },
      large: () => {
        ran.push("large");
        return new Uint8Array(20_000);
      },
      fail: () => {
        ran.push("fail");
        throw new ActionError("Broken", "it does not work", { retryable: true });
      },
    },
    ...more,
  });
  const release = () => {
    held.resolve();
    held = Promise.withResolvers();
  };
  return { node, ran, release };
}

/** A mesh, a caller, and so many that offer. */
export async function meshOf(names: string): Promise<[MemoryMesh, MemoryNode, WorkNode[]]> {
  const mesh = new MemoryMesh();
  const caller = mesh.add("0");
  const places = await Promise.all([...names].map((name) => offer(mesh.add(name))));
  await settle();
  return [mesh, caller, places];
}

/** What a message is. */
export const kindOf = (message: Uint8Array): string | undefined => decodeNodeMessage(message)?.kind;
