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
    const { code, message, retryable } = error;
    throw new ActionError(code, message, { retryable, cause: error });
  }
}
