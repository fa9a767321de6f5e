/**
 * Copying a node, and making it of a copy.
 * @module
 */

import type { StateStore, UnixMillis } from "../../base/mod.ts";
import { SqliteStateStore, systemRandom } from "../../host/mod.ts";
import {
  AlreadyInitializedError,
  hasSigningKey,
  noteRestored,
  passphraseProblem,
  storedNetworkId,
} from "../../mesh/mod.ts";
import { InvalidRequestError } from "../errors.ts";
import { VERSION } from "../status_report.ts";
import { type BackupContent, openBackup, sealBackup } from "./backup_file.ts";

/** What a node has changed of its host, and what it has tried out, is no part of it. */
const LEFT_OUT: ReadonlySet<string> = new Set(["host-journal", "probe"]);

/** A store whose collections can be listed. */
export type ListedStore = StateStore & { collections(): readonly string[] };

/** Of whom a copy is made. */
export interface CopiedNode {
  readonly name: string;
  readonly networkId: string;
  readonly madeAt: UnixMillis;
  readonly files: BackupContent["files"];
}

/** @returns the copy as it is in one moment, sealed @throws InvalidRequestError for a passphrase that is too short */
export async function backupNode(
  store: ListedStore,
  node: CopiedNode,
  passphrase: string,
): Promise<Uint8Array> {
  const problem = passphraseProblem(passphrase);
  if (problem !== undefined) {
    throw new InvalidRequestError(`Cannot use that passphrase: ${problem}`, {
      hint: "Some words that nobody guesses will do; whoever has the file may guess for years.",
    });
  }
  const pairs = store.transaction(() =>
    store.collections().filter((collection) => !LEFT_OUT.has(collection)).flatMap((collection) =>
      store.entries(collection).map(([key, value]) => [collection, key, value] as const)
    )
  );
  return await sealBackup({ release: VERSION, ...node, pairs }, passphrase, { random: systemRandom });
}

/** What a copy is restored by. */
export interface RestoreRequest {
  readonly file: Uint8Array;
  readonly passphrase: string;
  /** Whether it takes the place of what is there, which is put aside. */
  readonly isForced: boolean;
  /** Whether a leader keeps its tokens, with the uses that they had then. */
  readonly keepsTokens?: boolean;
}

/** What has become of it. */
export interface RestoredNode {
  readonly name: string;
  readonly madeAt: number;
  readonly role: "leader" | "member";
  /** Where what was there is now. */
  readonly putAside: readonly string[];
}

/**
 * Makes the node of a copy in a directory; nothing of it runs.
 * @throws InvalidRequestError when the file can't be opened
 * @throws AlreadyInitializedError when a node is there already and nobody has said that it may be replaced
 * @throws StateError when an agent runs there
 */
export async function restoreNode(
  stateDir: string,
  { file, passphrase, isForced, keepsTokens = false }: RestoreRequest,
  nowMs: UnixMillis,
): Promise<RestoredNode> {
  const content = await openBackup(file, passphrase);
  if ("problem" in content) {
    throw new InvalidRequestError(`Cannot use that backup: ${content.problem}`, {
      hint: "Name a file that `weft backup` has written, and its passphrase.",
    });
  }
  using store = SqliteStateStore.open(stateDir);
  const hasNode = storedNetworkId(store) !== undefined;
  const there = content.files.map(([name]) => name).filter((name) => isThere(`${stateDir}/${name}`));
  if ((hasNode || there.length > 0) && !isForced) throw new AlreadyInitializedError();
  const putAside: string[] = [];
  const aside = (name: string) => {
    const path = `${stateDir}/${name}.before-restore-${nowMs}`;
    putAside.push(path);
    return path;
  };
  if (hasNode) store.copyTo(aside("weft.db"));
  for (const name of there) Deno.renameSync(`${stateDir}/${name}`, aside(name));
  for (const [name, bytes] of content.files) {
    Deno.writeFileSync(`${stateDir}/${name}`, bytes, { mode: 0o600, createNew: true });
  }
  store.transaction(() => {
    for (const collection of store.collections()) {
      // What was changed of this host is taken back by whoever starts next.
      if (LEFT_OUT.has(collection)) continue;
      for (const [key] of store.entries(collection)) store.delete(collection, key);
    }
    for (const [collection, key, value] of content.pairs) {
      if (!LEFT_OUT.has(collection)) store.put(collection, key, value);
    }
    noteRestored(store, { keepsTokens });
  });
  const { name, madeAt } = content;
  return { name, madeAt, role: hasSigningKey(store) ? "leader" : "member", putAside };
}

function isThere(path: string): boolean {
  try {
    return Deno.lstatSync(path) !== undefined;
  } catch {
    return false;
  }
}
