/**
 * The mesh's interface as `wg show` sees it.
 * @module
 */

import { type Logger, WeftError } from "../base/mod.ts";
import { type DeviceSnapshot, UAPI_ERRNO } from "../uapi/mod.ts";
import { UapiServer } from "./uapi_server.ts";

/** A socket of the userspace API that tells and takes nothing: peers come from signed records. */
export class ReadOnlySocket {
  readonly #server: Promise<UapiServer | undefined>;

  /** Serves it in the background. A host where that cannot be has a mesh all the same, so a failure is only logged. */
  constructor(
    interfaceName: string,
    parts: { readonly snapshot: () => DeviceSnapshot; readonly log: Logger },
  ) {
    const handler = { get: parts.snapshot, set: () => UAPI_ERRNO.EPERM };
    this.#server = UapiServer.open(interfaceName, handler).catch((error) => {
      if (!(error instanceof WeftError)) throw error;
      parts.log.info("`wg show` cannot see the interface", { reason: error.message });
      return undefined;
    });
  }

  /** Removes it. Harmless when repeated. */
  async close(): Promise<void> {
    (await this.#server)?.close();
  }
}
