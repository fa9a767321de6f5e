/**
 * Failures of collections, as calls carry them.
 * @module
 */

import { ActionError } from "../../service/mod.ts";
import { DataError } from "../errors.ts";

/** Has callers told what has failed. @throws ActionError for a DataError, and anything else as it is */
export async function told<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
    const { code, message } = error;
    // Nobody else would do better, so that no node tries it again by itself; what may be tried the code says.
    throw new ActionError(code, message, { retryable: false, cause: error });
  }
}
