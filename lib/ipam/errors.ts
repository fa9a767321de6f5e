/**
 * Why an address could not be allocated.
 * @module
 */

import { WeftError } from "../base/mod.ts";

/** The address is not in the pool, or of the other family. */
export class OutOfRangeError extends WeftError {
  readonly code = "OutOfRange";
}

/** The address is allocated already. */
export class AddressTakenError extends WeftError {
  readonly code = "AddressTaken";
}

/** Every host of the pool is allocated. */
export class PoolExhaustedError extends WeftError {
  readonly code = "PoolExhausted";
}

/** The address names the network itself or its broadcast, and can be no host's. */
export class ReservedAddressError extends WeftError {
  readonly code = "ReservedAddress";
}
