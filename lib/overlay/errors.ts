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

/** A definition that is none: its name, block, underlay, or what it is allowed. */
export class InvalidNetworkError extends WeftError {
  /** The failure's stable name, for programs. */
  readonly code = "InvalidNetwork";
}

/** An endpoint that cannot be: its name, its MAC address, an address that the network does not have. */
export class InvalidEndpointError extends WeftError {
  /** The failure's stable name, for programs. */
  readonly code = "InvalidEndpoint";
}

/** The network's definition lets this member have no endpoints in it. */
export class NotPermittedMemberError extends WeftError {
  /** The failure's stable name, for programs. */
  readonly code = "NotPermittedMember";
}

/** The network's block has no free address, or a member or the mesh has as many endpoints as it may. */
export class TooManyEndpointsError extends WeftError {
  /** The failure's stable name, for programs. */
  readonly code = "TooManyEndpoints";
}
