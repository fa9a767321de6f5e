/**
 * The preshared keys of devices without weft. They stay on the leader that was told them and spread with no record.
 * @module
 */

import type { StateStore } from "../../base/mod.ts";
import { PresharedKey } from "../../crypto/mod.ts";
import type { NodeId } from "../../mesh/mod.ts";

const COLLECTION = "device-preshared-key";

/** Remembers one key for each device. */
export class DeviceSecrets {
  readonly #store: StateStore;

  constructor(store: StateStore) {
    this.#store = store;
  }

  get(nodeId: NodeId): PresharedKey | undefined {
    const bytes = this.#store.get(COLLECTION, nodeId);
    return bytes && PresharedKey.fromBytes(bytes);
  }

  /** @param presharedKey undefined forgets the key */
  set(nodeId: NodeId, presharedKey: PresharedKey | undefined): void {
    if (presharedKey === undefined) this.#store.delete(COLLECTION, nodeId);
    else this.#store.put(COLLECTION, nodeId, presharedKey.exposeBytes());
  }
}
