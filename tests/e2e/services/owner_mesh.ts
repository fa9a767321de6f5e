/**
 * Two agents on this machine, for tests of what one of them owns.
 * @module
 */

import { createScratch, loopbackArgs, thisMachine, WeftNode } from "../../lab/mod.ts";

/** What runs, until it is disposed of. */
export interface OwnerMesh extends AsyncDisposable {
  readonly lead: WeftNode;
  readonly store: WeftNode;
  /** A folder for files of the test. */
  readonly scratch: string;
}

/** A leader, and a member that is to own collections, both without root. */
export async function openMesh(label: string): Promise<OwnerMesh> {
  await using opening = new AsyncDisposableStack();
  const { path: scratch } = opening.use(await createScratch(label));
  const node = (name: string) =>
    opening.use(new WeftNode(thisMachine, { name, stateDir: `${scratch}/${name}`, args: loopbackArgs() }));
  const [lead, store] = [node("lead"), node("store")];
  const token = await lead.startLeader();
  await store.start("--join", token);
  const stack = opening.move();
  return { lead, store, scratch, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}
