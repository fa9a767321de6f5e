/**
 * Calls of a manager: each is done in one turn, and fails as a promise does.
 * @module
 */

import { NotInitializedManagerError } from "../../overlay/mod.ts";

/** @returns why a manager does nothing */
export function notInitialized(what: string, why: string): NotInitializedManagerError {
  return new NotInitializedManagerError(`Cannot ${what}: ${why}`, {
    hint: "`initialize` comes first, `close` last.",
  });
}

/** @returns what is done in one turn, as a promise */
export function attempt<T>(act: () => T): Promise<T> {
  try {
    return Promise.resolve(act());
  } catch (error) {
    return Promise.reject(error);
  }
}
