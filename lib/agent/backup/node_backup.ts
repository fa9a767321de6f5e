/**
 * Copying a node, and making it of a copy.
 * @module
 */

import type { BackupRequest } from "../../api/mod.ts";
import type { StateStore, UnixMillis } from "../../base/mod.ts";
import {
  parseRecoveryKey,
  parseRecoverySecret,
  PrivateKey,
  recoveryKeyText,
  recoverySecretText,
} from "../../crypto/mod.ts";
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
import {
  type BackupContent,
  type BackupSeal,
  type BackupSecret,
  openBackup,
  sealBackup,
} from "./backup_file.ts";

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

/** @throws InvalidRequestError for a passphrase that is too short, for what is no recovery key, and for nothing or both */
function sealOf({ passphrase, recoveryKey: text }: BackupRequest): BackupSeal {
  if ((passphrase === undefined) === (text === undefined)) {
    throw new InvalidRequestError(
      "Cannot seal a backup: it wants a passphrase or a recovery key, one of both",
    );
  }
  if (passphrase === undefined) {
    const recoveryKey = parseRecoveryKey(text ?? "");
    if (recoveryKey !== undefined) return { recoveryKey };
    throw new InvalidRequestError("Cannot use that recovery key: it is none, or a letter of it is wrong", {
      hint: "`weft recovery-key FILE` makes one, and prints the key that seals.",
    });
  }
  const problem = passphraseProblem(passphrase);
  if (problem === undefined) return { passphrase };
  throw new InvalidRequestError(`Cannot use that passphrase: ${problem}`, {
    hint: "Some words that nobody guesses will do; whoever has the file may guess for years.",
  });
}

/** @returns the copy as it is in one moment, sealed @throws InvalidRequestError when nothing can be sealed by the request */
export async function backupNode(
  store: ListedStore,
  node: CopiedNode,
  request: BackupRequest,
): Promise<Uint8Array> {
  const seal = sealOf(request);
  const pairs = store.transaction(() =>
    store.collections().filter((collection) => !LEFT_OUT.has(collection)).flatMap((collection) =>
      store.entries(collection).map(([key, value]) => [collection, key, value] as const)
    )
  );
  return await sealBackup({ release: VERSION, ...node, pairs }, seal, { random: systemRandom });
}

/** Two halves of a recovery key, as texts. */
export interface RecoveryKeyPair {
  /** The one that seals, for configurations. */
  readonly key: string;
  /** The one that opens, which belongs on no node; never log it. */
  readonly secret: string;
}

/** @returns a new recovery key */
export function makeRecoveryKey(): RecoveryKeyPair {
  const made = PrivateKey.generate(systemRandom);
  return { key: recoveryKeyText(made.publicKey), secret: recoverySecretText(made) };
}

/** @throws InvalidRequestError when a text is no secret of a recovery key */
function secretOf(secret: RestoreRequest["secret"]): BackupSecret {
  if ("passphrase" in secret) return secret;
  const recoverySecret = parseRecoverySecret(secret.recoverySecret);
  if (recoverySecret !== undefined) return { recoverySecret };
  const isOther = parseRecoveryKey(secret.recoverySecret) !== undefined;
  throw new InvalidRequestError(
    `Cannot use that recovery key: ${
      isOther ? "it is the half that seals" : "it is none, or a letter of it is wrong"
    }`,
    {
      hint:
        "The secret begins with weft-recovery-secret1-, and is in the file that `weft recovery-key` has written.",
    },
  );
}

/** What a copy is restored by. */
export interface RestoreRequest {
  readonly file: Uint8Array;
  /** What opens it: the passphrase, or the secret of the recovery key as a text. */
  readonly secret: { readonly passphrase: string } | { readonly recoverySecret: string };
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
  { file, secret, isForced, keepsTokens = false }: RestoreRequest,
  nowMs: UnixMillis,
): Promise<RestoredNode> {
  const content = await openBackup(file, secretOf(secret));
  if ("problem" in content) {
    throw new InvalidRequestError(`Cannot use that backup: ${content.problem}`, {
      hint:
        "Name a file that `weft backup` has written, and its passphrase or the secret of its recovery key.",
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
