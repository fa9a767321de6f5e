/**
 * A node that does not run: what its state says, and what of it is changed.
 * @module
 */

import type {
  BackupReport,
  BackupRequest,
  RecoveredNode,
  RecoverRequest,
  SettingChange,
  SettingReport,
} from "../api/mod.ts";
import { type Environment, silentLogger } from "../base/mod.ts";
import { KeptSettings, type SaidSettings } from "../config/mod.ts";
import { SqliteStateStore, systemEnvironment } from "../host/mod.ts";
import { IpAllocator } from "../ipam/mod.ts";
import {
  forgetNetwork,
  type MeshOptions,
  MeshState,
  NotInitializedError,
  openRecoveryFile,
  restoreLeader,
  storedNetworkId,
} from "../mesh/mod.ts";
import type { Cidr } from "../net/mod.ts";
import { InvalidRecoveryFileError, OtherNetworkError, RemovedError } from "./errors.ts";
import { backupNode } from "./backup/mod.ts";
import { DataStore } from "./services/mod.ts";
import { networkSettings, NodeSettings } from "./start/mod.ts";

/** @returns who it was; undefined when the directory belonged to no network @throws StateError */
export function forgetStored(
  stateDir: string,
): { readonly name: string; readonly isRemoved: boolean } | undefined {
  if (!SqliteStateStore.existsIn(stateDir)) return undefined;
  using store = SqliteStateStore.open(stateDir);
  const isMember = storedNetworkId(store) !== undefined;
  const host = meshHost(systemEnvironment(silentLogger));
  const record = isMember ? MeshState.load(store, host).record : undefined;
  forgetNetwork(store);
  return record && { name: record.name, isRemoved: record.revoked };
}

/** @returns its settings, as the next start finds them @throws NotInitializedError, InvalidConfigError, StateError */
export async function storedSettings(
  said: SaidSettings,
  onProblem: (problem: string) => void,
): Promise<readonly SettingReport[]> {
  using store = openStored(said.stateDir);
  const mesh = MeshState.load(store, meshHost(systemEnvironment(silentLogger)));
  return (await NodeSettings.read(said, store, onProblem)).report(networkSettings(mesh));
}

/** @returns whether anything has changed @throws NotInitializedError, InvalidConfigError, StateError */
export function changeStoredSetting(stateDir: string, { name, value }: SettingChange): boolean {
  using store = openStored(stateDir);
  return new KeptSettings(store).change(name, value);
}

/**
 * Makes the node in a directory a leader by a recovery file; where there is none, the leader that made the file.
 * @throws InvalidRecoveryFileError; OtherNetworkError when the file is of another network; RemovedError, StateError
 */
export async function recoverStored(
  stateDir: string,
  { file, passphrase }: RecoverRequest,
): Promise<RecoveredNode> {
  const content = await openRecoveryFile(file, passphrase);
  if ("problem" in content) throw new InvalidRecoveryFileError(content);
  using store = SqliteStateStore.open(stateDir);
  const host = meshHost(systemEnvironment(silentLogger));
  MeshState.finishLeaving(store, host);
  if (storedNetworkId(store) === undefined) {
    const mesh = restoreLeader(store, content, host);
    if (!(mesh instanceof MeshState)) throw new InvalidRecoveryFileError(mesh);
    return { name: mesh.record.name, isRestored: true };
  }
  const mesh = MeshState.load(store, host);
  if (mesh.record.revoked) throw new RemovedError();
  if (mesh.leadership.recover(content.signingKey) === undefined) throw new OtherNetworkError();
  return { name: mesh.record.name, isRestored: false };
}

/** @returns a sealed copy @throws NotInitializedError, StateError, InvalidRequestError */
export async function backupStored(stateDir: string, request: BackupRequest): Promise<BackupReport> {
  using store = openStored(stateDir);
  const { clock, ...host } = systemEnvironment(silentLogger);
  const { record: { name }, network } = MeshState.load(store, meshHost({ ...host, clock }));
  const files = await new DataStore(stateDir, network.id, clock).copy();
  const node = { name, networkId: network.id, madeAt: clock.wall(), files };
  const file = await backupNode(store, node, request);
  return { name, file: file.toBase64(), dataBytes: files.reduce((sum, [, { length }]) => sum + length, 0) };
}

/** @returns what the state of a mesh needs of this host */
export function meshHost(environment: Environment): Environment & MeshOptions {
  return { ...environment, addressPool: (cidr: Cidr) => new IpAllocator(cidr) };
}

/** @throws NotInitializedError when there is no node in the directory */
function openStored(stateDir: string): SqliteStateStore {
  if (!SqliteStateStore.existsIn(stateDir)) throw new NotInitializedError();
  const store = SqliteStateStore.open(stateDir);
  if (storedNetworkId(store) !== undefined) return store;
  store.close();
  throw new NotInitializedError();
}
