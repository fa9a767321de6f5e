/**
 * What can be wrong with overlay networks and their endpoints, each with a class and a code of its own.
 * @module
 */

import { WeftError } from "../base/mod.ts";

/** There is a network of this name, or one with the same identifier and driver. */
export class DuplicateNetworkError extends WeftError {
  /** The failure's stable name, for programs. */
  readonly code = "DuplicateNetwork";
}

/** There is no network of this name or id. */
export class UnknownNetworkError extends WeftError {
  /** The failure's stable name, for programs. */
  readonly code = "UnknownNetwork";
}

/** A network cannot go while it has endpoints. */
export class NetworkInUseError extends WeftError {
  /** The failure's stable name, for programs. */
  readonly code = "NetworkInUse";
}

/** The network has an endpoint of this name, or one with this MAC or IP address. */
export class DuplicateEndpointError extends WeftError {
  /** The failure's stable name, for programs. */
  readonly code = "DuplicateEndpoint";
}

/** The network has no endpoint of this name. */
export class UnknownEndpointError extends WeftError {
  /** The failure's stable name, for programs. */
  readonly code = "UnknownEndpoint";
}

/** No driver bears this name. */
export class UnknownDriverError extends WeftError {
  /** The failure's stable name, for programs. */
  readonly code = "UnknownDriver";
}

/** A driver of this name is registered already. */
export class DuplicateDriverError extends WeftError {
  /** The failure's stable name, for programs. */
  readonly code = "DuplicateDriver";
}

/** The network is of another type than the driver that was named. */
export class NetworkTypeError extends WeftError {
  /** The failure's stable name, for programs. */
  readonly code = "NetworkType";
}

/** The driver has no such identifier. */
export class IdentifierRangeError extends WeftError {
  /** The failure's stable name, for programs. */
  readonly code = "IdentifierRange";
}

/** No network can have this MTU. */
export class MtuRangeError extends WeftError {
  /** The failure's stable name, for programs. */
  readonly code = "MtuRange";
}

/** An option that the driver does not know, or a value that is none. */
export class InvalidDriverOptionError extends WeftError {
  /** The failure's stable name, for programs. */
  readonly code = "InvalidDriverOption";
}

/** The manager has not been initialised, or is closed. */
export class NotInitializedManagerError extends WeftError {
  /** The failure's stable name, for programs. */
  readonly code = "NotInitializedManager";
}
